/* The end of an epoch over three zones, modelled apart from chunk_log.pml and with other simplifications: a second oracle.
 *
 * Zones only know put-if-absent on a key (epoch, slot). A put whose answer is lost may still land at any later time. The
 * old owner has chunks for all S slots under way and acknowledges a slot when two zones confirmed it and every lower slot
 * is acknowledged. Recovery k seals slot by slot in a quorum; a slot where the quorum shows no chunk is the end; a chunk
 * that is found gets its copies first; the end is decided once, by a compare-and-set in metadata; only then is anything
 * exposed. Either recovery may crash at any step.
 *
 * Plants, each must be found:
 *   PLANT_ACK1      an ack on one zone's word             PLANT_OOO    an ack out of order
 *   PLANT_READSEAL  a recovery only looks                 PLANT_RQ1    a recovery asks one zone
 *   PLANT_NOCAS     each recovery trusts its own reading  PLANT_EARLY  readers see what is not acknowledged
 *   PLANT_NOREP     what is found is exposed uncopied     PLANT_DEL    SEALs are removed while the owner may live
 */
#ifndef S
#define S 2
#endif
#define Z 3
#define VAL 1
#define TOMB 2
#define I(s,z) ((s)*Z+(z))

byte st[6];            /* zone contents per slot: 0 empty, VAL, TOMB */
bool pend[6] = true;   /* PUT issued and possibly still in flight */
bool acked[2];         /* told the producer: durable */
bool served[2];        /* some consumer has seen it */
bool endset = false;   /* metadata DB: end of epoch 1 decided */
byte end_ = 0;
bool rep[2];           /* slot copied to >= 2 zones under the new epoch before being exposed */
byte exposed[2];       /* what each recoverer exposes as the end, 0 = nothing yet, else end+1 */

#define N(s) ((st[I(s,0)]==VAL)+(st[I(s,1)]==VAL)+(st[I(s,2)]==VAL))
#ifdef PLANT_ACK1
#define Q 1
#else
#define Q 2
#endif
#ifdef PLANT_OOO
#define PRIOR true
#else
#define PRIOR acked[0]
#endif
/* pipelined: all PUTs are in flight from the start (pend = true in init); a zone's answer is read any time after */
proctype Owner() {
  do
  :: atomic { !acked[0] && N(0) >= Q          -> acked[0] = true; served[0] = true }
  :: atomic { !acked[1] && N(1) >= Q && PRIOR -> acked[1] = true; served[1] = true }
#ifdef PLANT_EARLY
  :: atomic { !served[0] && st[I(0,0)]==VAL   -> served[0] = true }
#endif
  od
}

/* network + zones: a pending PUT may be applied at any later time, or never */
#define APPLY(i) atomic { pend[i] -> pend[i] = false; if :: st[i]==0 -> st[i] = VAL :: else -> skip /* 412 */ fi }
proctype Net() {
  do
  :: APPLY(0) :: APPLY(1) :: APPLY(2)
  :: APPLY(3) :: APPLY(4) :: APPLY(5)
  od
}

#ifdef PLANT_DEL
#define RM(i) atomic { st[i]==TOMB -> st[i] = 0 }
proctype Gc() { do :: RM(0) :: RM(1) :: RM(2) :: RM(3) :: RM(4) :: RM(5) od }
#endif

proctype Recover(byte k) {
  byte s = 0, z, seen, skipz;
  bool found;
  do
  :: s < S ->
     /* choose which zone (if any) is unreachable for this slot */
     if :: skipz = 0 :: skipz = 1 :: skipz = 2 :: skipz = 3 fi;
     found = false; seen = 0; z = 0;
     do
     :: z < Z ->
        if
        :: z == skipz -> skip
#ifdef PLANT_RQ1
        :: z != skipz && seen >= 1 -> skip
#endif
        :: z != skipz ->
           atomic {
             seen++;
             if
             :: st[I(s,z)] == VAL -> found = true
             :: st[I(s,z)] == 0 ->
#ifdef PLANT_READSEAL
                skip
#else
                st[I(s,z)] = TOMB
#endif
             :: else -> skip
             fi }
        fi;
        z++
     :: else -> break
     od;
     if
     :: found ->
#ifndef PLANT_NOREP
        rep[s] = true;
#endif
        s++
     :: else -> break
     fi
  :: goto dead          /* crash anywhere between slots */
  :: else -> break
  od;
#ifdef PLANT_NOCAS
  atomic { endset = true; end_ = s; exposed[k] = s + 1 }
#else
  atomic { if :: !endset -> endset = true; end_ = s :: else -> skip fi };
  atomic { exposed[k] = end_ + 1 }
#endif
dead: skip
}

init { atomic { run Owner(); run Net(); run Recover(0); run Recover(1);
#ifdef PLANT_DEL
  run Gc();
#endif
} }

/* P1 acked never lost; P2 seen by a consumer never lost; P3 both recoverers expose the same end;
   P4 everything exposed has two copies (old quorum intact, or re-replicated) */
#define P1 (!endset || ((!acked[0] || end_>=1) && (!acked[1] || end_>=2)))
#define P2 (!endset || ((!served[0] || end_>=1) && (!served[1] || end_>=2)))
#define P3 (!(exposed[0] && exposed[1]) || exposed[0]==exposed[1])
#define C(s) ((st[I(s,0)]==VAL)+(st[I(s,1)]==VAL)+(st[I(s,2)]==VAL) >= 2)
#define P4 ((!(exposed[0]>=2 || exposed[1]>=2) || rep[0] || C(0)) && (!(exposed[0]>=3 || exposed[1]>=3) || rep[1] || C(1)))
active proctype Monitor() { atomic { !(P1 && P2 && P3 && P4) -> assert(false) } }
