/* The metadata object log (streamcore/metadata/README.md): put-if-absent entries, snapshots, GC boundary.
 *
 * Slots 1..N are the keys meta/log/<n>; boundary b covers the slots <= b; snapshot s holds the state after slots <= s.
 * hist[n] is the first value ever created in slot n: that is the log, and state n is what it gives (one register key; per
 * incarnation the last counter and its outcome).  A node is its position: applying anything but hist[n] is an error at once.
 * A transaction is blind or wants the register to hold a value; it is decided when it is applied.
 *
 * Adversary: a PUT once issued may land at any later time and any number of times, also after its slot was deleted, or
 * never; any node may stop for ever between two requests.  One snapshot may be stored damaged, one may rot (DAMW, ROT).
 * GC has no memory of its own: what some GC process was ever entitled to do may happen at any later time, again and again
 * (so: any number of GCs, paused anywhere, every request late and repeated).  For the same reason a slot at or below the
 * deletion limit need not be stored: a get finds nothing or anything ever put there, a put is "created" or "exists".
 *
 * Properties, by the flag that the failing assertion names:
 *   lost_acked     "done" was answered, the log has no such effect                                     (1)
 *   applied_twice  one transaction, two effects                                                        (2)
 *   disagree       a node applies something else than the log's value; or the log gets a hole          (3)
 *   stale_read     a linearizable read misses a transaction acked before it began                      (4)
 *   false_failure  "failed" was answered, the transaction has or gets its effect                       (5)
 *   bad_condition  "condition failed" was answered, it held all the time since the call began          (5)
 *   unrecoverable  no good snapshot at or past the boundary; a reload goes back or cannot tell an outcome
 *   stuck          (CALM) the one living node blocks, or needs more than LIM requests to finish
 * Sizes: -DNW= writers, -DC= transactions each (-DC0= -DC1= -DC2= per writer), -DNR= readers, -DN= slots (<= 5).
 * Options: CALM     progress: at any moment all but one node stop and the store answers clearly from then on
 *          LITERAL  store every slot, delete and land late PUTs one by one (checks the shortcut above; small sizes)
 *          GCX=k    k literal GC nodes with own position and memory instead of the memoryless GC
 *          ABSNAP   no snapshot objects: a reload gives any later state, the boundary is anywhere below the tail (allows
 *                   more than the other runs, except that a good snapshot may be missing): big sizes
 *          RUN=k    readers fetch up to k slots before one boundary check against the first of them
 *          RETIRE   writer 1's last transaction drops writer 0's counter
 *          TRACE    counterexamples in words (spin -t)
 * Not needed alone, needed together: NOSKIP (apply does not skip seen counters), CARELESS (a writer retries without
 *   comparing what it read and without looking at its counter).  Not needed: W404 (a writer checks after a 404),
 *   RETNOSKIP (apply skips entries of a dropped incarnation).
 * Plants PLANT_*: those in model_test.py must be found.
 */
#ifndef NW
#define NW 2
#endif
#ifndef C
#define C 2
#endif
#ifndef C0
#define C0 C
#endif
#ifndef C1
#define C1 C
#endif
#ifndef C2
#define C2 C
#endif
#ifndef NR
#define NR 1
#endif
#ifndef N
#define N (NW*C)
#endif
#ifndef DAMW
#define DAMW 1
#endif
#ifndef ROT
#define ROT 1
#endif
#ifndef RUN
#define RUN 1
#endif
#ifndef GCX
#define GCX 0
#endif
#ifndef LIM
#define LIM 99
#endif
#define NE (NW*C)                          /* names: incarnation w, counter c */
#if defined(PLANT_REBATCH) || defined(PLANT_INCREUSE)
#define NV (2*NE)                          /* e+NE: other bytes under the same name */
#else
#define NV NE
#endif
#define NP        (NW+NR+GCX)              /* nodes: writers, readers, GCs */
#define ENT(w,c)  (1+(w)*C+(c)-1)
#define NAME(e)   (((e)-1)%NE+1)
#define WOF(e)    ((NAME(e)-1)/C)
#define COF(e)    ((NAME(e)-1)%C+1)
#define CMAX(w)   ((w)==0 -> C0 : ((w)==1 -> C1 : C2))
#define BLIND     255
#define SEEN(n,w) seen[(n)*NW+(w)]
#define LOUT(n,w) lout[(n)*NW+(w)]
#define BIT(n)    (1<<(n))
#define TOP(m)    ((m)&32 -> 5 : ((m)&16 -> 4 : ((m)&8 -> 3 : ((m)&4 -> 2 : ((m)&2 -> 1 : 0)))))
#define OLDER(m)  TOP((m) & ~BIT(TOP(m)))  /* the second largest */
#ifdef TRACE
#define SAY(...)  printf(__VA_ARGS__);
#else
#define SAY(...)
#endif

/* the store */
byte  hist[N+2], tail;
short pend[N+2];                           /* values ever put into the slot, by bit */
byte  bnd;                                 /* the largest boundary object */
byte  smask, sdam, damw, rot;              /* snapshots present, damaged; faults used */
#ifdef LITERAL
byte  log[N+2];
#endif
/* GC.  delim: entries up to here may be deleted; SDEL: snapshots below it may be deleted */
byte  vmask;                               /* memoryless GC: snapshots verified so far, the two largest */
#if GCX
byte  delim, sdelim, spend, bpend;         /* snapshot and boundary PUTs issued */
#define SDEL    sdelim
#else
#if defined(PLANT_DELFIRST)
#define delim   OLDER(vmask)
#elif defined(PLANT_OVERWRITE)
byte  delim;                               /* the largest boundary there ever was */
#else
#define delim   bnd
#endif
#ifdef PLANT_SNAPDEL
#define SDEL    (OLDER(vmask)+1)
#else
#define SDEL    OLDER(vmask)
#endif
#endif
/* the nodes; the states 0..N; ghosts */
byte  pos[NP];
byte  reg[N+1], seen[(N+1)*NW];
bit   lout[(N+1)*NW], gone[N+1];
byte  cond[NE+1], effslot[NV+1], ackmax;
bit   saidno[NV+1];
byte  calm, live, fin, steps;
bit   lost_acked, applied_twice, disagree, stale_read, false_failure, bad_condition, unrecoverable, stuck;
#define MUST(flag, x)  if :: (x) :: else -> flag = 1; assert(!flag) fi

#ifdef CALM
#define GO(me)   (calm == 0 || (live == me && !fin))
#define STEP     if :: calm -> steps++; MUST(stuck, steps <= LIM) :: else fi
#else
#define GO(me)   true
#define STEP     skip
#endif

byte ii, jj, iw, ic, gv;
inline canon(qq, e) {                      /* slot qq holds a value for the first time: apply it to state qq-1 */
  MUST(disagree, qq == tail+1);
  hist[qq] = e; tail = qq; iw = WOF(e); ic = COF(e);
  reg[qq] = reg[qq-1]; gone[qq] = gone[qq-1];
  jj = 0; do :: jj < NW -> SEEN(qq,jj) = SEEN(qq-1,jj); LOUT(qq,jj) = LOUT(qq-1,jj); jj++ :: else -> break od;
  if
#if !defined(NOSKIP) && !defined(PLANT_NOCTR)
  :: ic <= SEEN(qq-1,iw) -> skip
#endif
#if defined(RETIRE) && !defined(RETNOSKIP) && !defined(PLANT_DROPCTR)
  :: iw == 0 && gone[qq-1] -> skip
#endif
  :: else ->
     SEEN(qq,iw) = ic; LOUT(qq,iw) = 0;
     if :: cond[NAME(e)] == BLIND || cond[NAME(e)] == reg[qq-1] ->
           MUST(applied_twice, effslot[e] == 0); MUST(false_failure, !saidno[e]);
           reg[qq] = NAME(e); effslot[e] = qq; LOUT(qq,iw) = 1
        :: else fi;
#if !defined(NOSKIP) && !defined(PLANT_NOCTR) && !defined(PLANT_DROPCTR) && NV == NE
     cond[e] = 0;                          /* decided for good: nobody looks again */
#endif
#ifdef RETIRE
     if :: iw == 1 && ic == C1 -> gone[qq] = 1; SEEN(qq,0) = 0; LOUT(qq,0) = 0 :: else fi
#endif
  fi; jj = 0; iw = 0; ic = 0
}
inline moved() {                           /* PUTs into slots that every node has passed no longer matter */
#ifndef LITERAL
  jj = 1;
  do :: jj <= N ->
        ii = 0; do :: ii < NP && pos[ii] >= jj -> ii++ :: else -> break od;
        if :: ii == NP -> pend[jj] = 0; jj++ :: else -> break fi
     :: else -> break
  od; jj = 0; ii = 0
#else
  skip
#endif
}
inline get(qq) {                           /* gv = what a get of the slot finds */
#ifdef LITERAL
  gv = log[qq]
#else
  gv = hist[qq];
  if :: qq <= delim ->
        gv = 0; do :: gv < NV -> gv++; if :: pend[qq] & BIT(gv) -> break :: true fi :: gv = 0; break od
     :: else fi
#endif
}
inline land(qq, e) {                       /* a PUT arrives at an empty slot */
#ifdef LITERAL
  log[qq] = e;
#endif
  if :: hist[qq] == 0 -> canon(qq, e) :: else fi
}
#ifdef LITERAL
#define EMPTY(qq)  (log[qq] == 0)
#define FULL(qq)   (log[qq] != 0)
#else
#define EMPTY(qq)  (hist[qq] == 0 || qq <= delim)
#define FULL(qq)   (hist[qq] != 0)
#endif

inline recoverable() { MUST(unrecoverable, TOP(smask & ~sdam) >= bnd) }
#ifdef PLANT_SNAPOVER
#define ABSENT(n)    true
#else
#define ABSENT(n)    !(smask & BIT(n))
#endif
inline storesnap(n) {
  if :: ABSENT(n) ->
        smask = smask | BIT(n);
        if :: sdam = sdam & ~BIT(n); SAY("  snapshot %d stored\n", n)
           :: damw < DAMW -> damw++; sdam = sdam | BIT(n); SAY("  snapshot %d stored damaged\n", n)
        fi; recoverable()
     :: else fi
}
#ifdef PLANT_ANYSNAP
#define STALE(n)     false
#else
#define STALE(n)     (n <= pos[me])
#endif
inline reload(me) {      /* newest snapshot; damaged: the one before; 404, or none past my position: list again */
#ifdef ABSNAP
  atomic { GO(me) -> STEP;
    jj = pos[me] + 1; MUST(unrecoverable, jj <= tail); do :: jj < tail -> jj++ :: break od; pos[me] = jj; jj = 0; moved();
    SAY("    node %d reloads: state %d\n", me, pos[me]) }
#else
  do
  :: atomic { GO(me) && lm == 0 -> STEP; lm = smask }
  :: atomic { GO(me) && lm != 0 -> STEP; jj = TOP(lm);
       if
       :: !(smask & BIT(jj)) || STALE(jj) -> lm = 0; jj = 0
       :: (smask & BIT(jj)) && !STALE(jj) && (sdam & BIT(jj)) -> lm = lm & ~BIT(jj); jj = 0
       :: (smask & BIT(jj)) && !STALE(jj) && !(sdam & BIT(jj)) ->
          MUST(unrecoverable, jj > pos[me]); pos[me] = jj; lm = 0; jj = 0; moved();
          SAY("    node %d reloads: state %d\n", me, pos[me]) break
       fi }
  od
#endif
}
/* boundary check: list meta/gc/, take the largest */
#ifdef PLANT_STALELIST
#define LISTGC  bb = bnd; do :: bb > 0 -> bb-- :: break od           /* the list may miss the newest */
#else
#define LISTGC  bb = bnd
#endif

inline answer(e, ok) {                     /* to the caller */
  SAY("    node %d answers %d.%d: %d\n", WOF(e), WOF(e), COF(e), ok)
  if :: ok -> MUST(lost_acked, effslot[e] != 0);
        if :: effslot[e] > ackmax -> ackmax = effslot[e] :: else fi
     :: else -> MUST(false_failure, effslot[e] == 0); saidno[e] = 1
  fi
}

proctype Writer(byte w) {
  byte c, q, e, lm, bb, var, held;
  bit got, okv, mine, ok;
next:
  atomic { GO(w) ->
    if :: c == CMAX(w) || (gone[pos[w]] && w == 0) -> goto halt :: else fi;
    c++; e = ENT(w,c) + var;
    jj = pos[w];                                           /* the caller may know more than this node */
    if :: cond[NAME(e)] = BLIND
       :: do :: jj < tail -> jj++ :: break od; cond[NAME(e)] = reg[jj]
    fi; jj = 0;
    SAY("node %d begins %d.%d, wants %d\n", w, WOF(e), COF(e), cond[NAME(e)])
#ifdef PLANT_STALECOND
    if :: cond[NAME(e)] != BLIND && cond[NAME(e)] != reg[pos[w]] ->     /* answered from the local state */
          SAY("    node %d answers %d.%d from state %d: condition failed\n", w, WOF(e), COF(e), pos[w])
          jj = ackmax; do :: jj < tail && reg[jj] == cond[NAME(e)] -> jj++ :: else -> break od;
          MUST(bad_condition, reg[jj] != cond[NAME(e)]); jj = 0
       :: else fi;
#endif
#ifdef PLANT_W_EARLY
    goto try }
try:
  atomic { GO(w) -> STEP; LISTGC }
#else
    goto issue }
try:
#endif
  atomic { GO(w) ->
issue:
    STEP; q = pos[w] + 1;
    if :: q > N -> goto over :: else fi;                   /* bound of the model: only plants get here */
    pend[q] = pend[q] | BIT(e);
    if :: EMPTY(q) -> SAY("    node %d puts %d.%d into slot %d: created\n", w, WOF(e), COF(e), q)
          land(q, e); goto own
       :: FULL(q) -> SAY("    node %d puts %d.%d into slot %d: exists\n", w, WOF(e), COF(e), q)
       :: calm == 0 -> SAY("    node %d puts %d.%d into slot %d: no answer\n", w, WOF(e), COF(e), q)
    fi }
#ifdef PLANT_R_EARLY
  atomic { GO(w) -> STEP; LISTGC }
#endif
  atomic { GO(w) ->                                        /* read the slot */
    STEP; get(q); got = (gv != 0); okv = (gv == hist[q]); mine = (got && NAME(gv) == NAME(e));
    SAY("    node %d gets slot %d: %d.%d\n", w, q, (gv -> WOF(gv) : 0), (gv -> COF(gv) : 0))
    gv = 0 }
  atomic { GO(w) ->                                        /* check the boundary, then apply */
    STEP;
#ifndef PLANT_R_EARLY
    LISTGC;
#endif
#ifdef PLANT_R_ENTRY
    if :: got -> bb = 0 :: else fi;
#endif
#ifdef PLANT_W_MINE
    if :: mine -> bb = 0 :: else fi;
#endif
#if defined(W404) || defined(PLANT_R_404)
    if :: !got -> bb = 0 :: else fi;
#endif
    if
    :: bb >= q -> bb = 0; got = 0; okv = 0; mine = 0; goto passed
    :: bb < q && !got ->
       bb = 0;
#if defined(PLANT_404FAIL)
       answer(e, 0); goto clr
#elif defined(PLANT_REBATCH)
       if :: e <= NE -> e = e + NE; SAY("    more joins the batch %d.%d\n", WOF(e), COF(e)) :: true fi
#elif defined(PLANT_TWOINFLIGHT)
       if :: held == 0 && c < CMAX(w) -> held = c; c++; e = ENT(w,c); cond[e] = BLIND;
             SAY("    node %d begins %d.%d meanwhile\n", w, w, c)
          :: true fi
#elif defined(PLANT_INCREUSE)
       if :: var == 0 -> var = NE; c = SEEN(pos[w],w); SAY("node %d restarts under the same name\n", w) goto clr :: true fi
#endif
       goto try                                            /* 404 proves nothing: same bytes, same slot */
    :: bb < q && got ->
       ok = (mine && !okv && (cond[NAME(e)] == BLIND || cond[NAME(e)] == reg[q-1]));
       MUST(lost_acked, !ok); ok = 0;                      /* it would answer done */
       MUST(disagree, okv); pos[w] = q; moved(); bb = 0;
#ifndef CARELESS
       if :: mine -> ok = LOUT(q,w); answer(e, ok); goto clr
          :: else fi;
#endif
       got = 0; okv = 0; mine = 0; goto again
    fi }
own:
  atomic { GO(w) ->                                        /* created: check the boundary, apply, answer */
#ifdef PLANT_W_APPLYFIRST
    MUST(disagree, hist[q] == e);
#endif
    STEP;
#ifndef PLANT_W_EARLY
    LISTGC;
#endif
#ifdef PLANT_W_NOCHECK
    bb = 0;
#endif
    if
    :: bb >= q ->
       bb = 0;
#ifdef PLANT_PASSFAIL
       answer(e, 0); goto clr
#else
       goto passed
#endif
    :: else ->
       bb = 0;
       ok = (hist[q] != e && (cond[NAME(e)] == BLIND || cond[NAME(e)] == reg[q-1]));
       MUST(lost_acked, !ok); ok = 0;                      /* it would answer done */
       MUST(disagree, hist[q] == e); pos[w] = q; moved();
       ok = LOUT(q,w); answer(e, ok); goto clr
    fi }
passed:
  SAY("    node %d: the boundary passed slot %d\n", w, q)
  reload(w);
  atomic { GO(w) ->
    MUST(unrecoverable, pos[w] >= q);                      /* the state is at or past my slot: it can tell */
#if defined(CARELESS) || defined(PLANT_NOCTR)
    skip;
#elif defined(PLANT_NOOUT)
    if :: SEEN(pos[w],w) >= c -> answer(e, 1); goto clr :: else fi;
#else
    if :: SEEN(pos[w],w) >= c -> ok = LOUT(pos[w],w); answer(e, ok); goto clr :: else fi;
#endif
again:
    if :: gone[pos[w]] && w == 0 ->                        /* my row was dropped: outcome unknown, never "not seen" */
#if defined(PLANT_DROPCTR)
          goto try
#elif defined(PLANT_RETFAIL)
          answer(e, 0); goto halt
#else
          goto halt
#endif
       :: else -> goto try
    fi;
clr:
#ifdef PLANT_TWOINFLIGHT
    if :: held && c > held -> c = held; e = ENT(w,c); goto try       /* back to the one set aside */
       :: held && c == held -> c++; held = 0
       :: else fi;
#endif
    q = 0; e = 0; ok = 0; got = 0; okv = 0; mine = 0; goto next
  }
halt:
  atomic { q = 0; e = 0; ok = 0; got = 0; okv = 0; mine = 0; calm && live == w };
  fin = 1;
over: false
}

proctype Reader(byte me) {
  byte lm, r, v1, v2, d, bb; bit okv, end404, old, listed;
  do
#ifdef PLANT_R_EARLY
  :: atomic { GO(me) && !end404 && r == 0 && !listed -> LISTGC; listed = 1 }
  :: atomic { GO(me) && !end404 && r < RUN && pos[me]+r <= N && (r || listed) -> listed = 0;
#else
  :: atomic { GO(me) && !end404 && r < RUN && pos[me]+r <= N ->         /* fetch the next slot */
#endif
       STEP; jj = pos[me]+r+1; get(jj);
       SAY("    node %d gets slot %d: %d.%d\n", me, jj, (gv -> WOF(gv) : 0), (gv -> COF(gv) : 0))
       if :: r == 0 -> okv = 1 :: else fi;
       if :: gv -> r++; okv = okv && (gv == hist[jj])
          :: else -> end404 = 1; old = (pos[me]+r < ackmax)
       fi; jj = 0; gv = 0 }
  :: atomic { GO(me) && (r || end404) ->                                /* check the boundary, then apply, answer */
       STEP;
#ifndef PLANT_R_EARLY
       LISTGC;
#endif
#ifdef PLANT_R_ENTRY
       if :: r -> bb = 0 :: else fi;
#endif
#ifdef PLANT_R_404
       if :: !r -> bb = 0 :: else fi;
#endif
#ifdef PLANT_RUNLAST
       if :: bb < pos[me]+r+end404 -> bb = 0 :: else fi;
#endif
       if
       :: bb > pos[me] -> r = 0; okv = 0; end404 = 0; old = 0; bb = 0; goto passed
       :: else ->
          MUST(disagree, r == 0 || okv); pos[me] = pos[me] + r; moved();
          if :: end404 -> SAY("    node %d answers a read from state %d\n", me, pos[me]) MUST(stale_read, !old) :: else fi;
          if :: calm && end404 -> fin = 1 :: else fi;
          r = 0; okv = 0; end404 = 0; old = 0; bb = 0
       fi }
#if GCX
  :: atomic { me >= NW+NR && pos[me] > 0 && r == 0 && !end404 -> spend = spend | BIT(pos[me]);     /* write a snapshot */
       jj = pos[me]; if :: storesnap(jj) :: true fi; jj = 0 }
  :: atomic { me >= NW+NR && (smask & ~sdam) -> select(jj : 1 .. N);                        /* read one back, verify */
       if :: (smask & BIT(jj)) && !(sdam & BIT(jj)) && jj > v2 -> v1 = v2; v2 = jj
          :: (smask & BIT(jj)) && !(sdam & BIT(jj)) && jj > v1 && jj < v2 -> v1 = jj
          :: else fi; jj = 0 }
  :: atomic { me >= NW+NR && v1 > 0 -> bpend = bpend | BIT(v1);                             /* write the boundary */
       if :: v1 > bnd -> bnd = v1; recoverable() :: true fi;
#ifdef PLANT_B_UNKNOWN
       if :: v1 > d -> d = v1 :: else fi
#endif
     }
  :: atomic { me >= NW+NR && bnd > d -> d = bnd }                                           /* list: it is durable */
  :: atomic { me >= NW+NR && d > delim -> delim = d }                                       /* delete entries */
  :: atomic { me >= NW+NR && v1 > sdelim -> sdelim = v1 }                                   /* delete old snapshots */
#endif
  :: false ->
passed:
     SAY("    node %d: the boundary passed slot %d\n", me, pos[me]+1)
     reload(me)
  od
}

proctype Env() {
  byte n, e;
end:
  do
#ifdef LITERAL
  :: atomic { calm == 0 -> select(n : 1 .. N); e = 0;                                       /* a late PUT lands */
       do :: e < NV -> e++;
             if :: (pend[n] & BIT(e)) && log[n] == 0 ->
                   SAY("  late put of %d.%d lands in slot %d\n", WOF(e), COF(e), n) land(n, e); break
                :: true fi
          :: break od;
       n = 0; e = 0 }
  :: atomic { calm == 0 && delim -> n = 1; do :: n < delim -> n++ :: break od;
       SAY("  slot %d is deleted\n", n) log[n] = 0; n = 0 }
#else
  :: atomic { calm == 0 && tail < N && pend[tail+1] -> n = tail+1; e = 0;                   /* a late PUT lands first */
       do :: e < NV -> e++;
             if :: pend[n] & BIT(e) ->
                   SAY("  late put of %d.%d lands in slot %d\n", WOF(e), COF(e), n) land(n, e); break
                :: true fi
          :: break od;
       n = 0; e = 0 }
#endif
#ifdef ABSNAP
  :: atomic { calm == 0 && bnd + 1 < tail -> bnd++; SAY("  boundary %d\n", bnd) }
#else
  :: atomic { calm == 0 && smask -> select(n : 1 .. N);
       if :: n < SDEL && (smask & BIT(n)) ->
             SAY("  snapshot %d is deleted\n", n) smask = smask & ~BIT(n); sdam = sdam & ~BIT(n); recoverable()
          :: else fi; n = 0 }
  :: atomic { calm == 0 && rot < ROT && (smask & ~sdam) -> select(n : 1 .. N);
       if :: (smask & BIT(n)) && !(sdam & BIT(n)) ->
             SAY("  snapshot %d rots\n", n) rot++; sdam = sdam | BIT(n); recoverable()
          :: else fi; n = 0 }
#if GCX
  :: atomic { calm == 0 && spend -> select(n : 1 .. N);                                     /* late snapshot */
       if :: spend & BIT(n) -> storesnap(n) :: else fi; n = 0 }
  :: atomic { calm == 0 && bpend -> select(n : 1 .. N);                                     /* late boundary */
       if :: (bpend & BIT(n)) && n > bnd -> bnd = n; SAY("  boundary %d\n", n) recoverable() :: else fi; n = 0 }
#else
  :: atomic { calm == 0 && tail -> n = 1; do :: n < tail -> n++ :: break od; storesnap(n); n = 0 }
  :: atomic { calm == 0 && smask -> select(n : 1 .. N);                                     /* read back and verified */
#ifdef PLANT_NOVERIFY
       if :: (smask & BIT(n)) ->
#else
       if :: (smask & BIT(n)) && !(sdam & BIT(n)) ->
#endif
             SAY("  snapshot %d is verified\n", n) vmask = vmask | BIT(n); vmask = BIT(TOP(vmask)) | (OLDER(vmask) -> BIT(OLDER(vmask)) : 0)
          :: else fi; n = 0 }
  :: atomic { calm == 0 && tail -> select(n : 1 .. N);                                      /* a boundary is created */
#if defined(PLANT_B_BEYOND)
       if :: n <= tail && n > bnd -> bnd = n; recoverable()
#elif defined(PLANT_B_NEWEST)
       if :: n <= TOP(vmask) && n > bnd -> bnd = n; recoverable()
#elif defined(PLANT_OVERWRITE)
       if :: n <= OLDER(vmask) -> bnd = n; if :: n > delim -> delim = n :: else fi
#else
       if :: n <= OLDER(vmask) && n > bnd -> bnd = n; recoverable()
#endif
             ; SAY("  boundary %d\n", n)
          :: else fi; n = 0 }
#endif
#endif
  od
}

#ifdef CALM
proctype Calm() { atomic { calm = 1; select(live : 0 .. (NW+NR-1)) } }
proctype Watch() { timeout -> MUST(stuck, fin) }
#endif

init { atomic {
  iw = 0; do :: iw < NW -> run Writer(iw); iw++ :: else -> break od;
  do :: iw < NP -> run Reader(iw); iw++ :: else -> break od; iw = 0;
  run Env();
#ifdef CALM
  run Calm(); run Watch();
#endif
} }
