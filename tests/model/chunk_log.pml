/* One epoch of the chunk log: quorum, SEALs and recovery (streamcore/chunk/README.md, P1-P11).
 *
 * NS zones of write-once registers, of which Q make a quorum (-DNS=1 -DQ=1: one bucket). The owner of the epoch may be a
 * zombie for ever; its puts land at any later time, or never, and answers get lost. NR recoveries race. M is the row in
 * metadata. K slots, of which W may be in flight.
 * What must hold: I1 nothing acknowledged lies at or beyond the decided end, also later; I3 one end; I4 a watermark in a
 * chunk covers only what a quorum has; I5 when the epoch is closed a quorum has every chunk below its end.
 * Plants, each must be found:
 *   PLANT_DROP1    a chunk that one zone has is dropped instead of adopted
 *   PLANT_ONERESP  a recovery decides a slot from one answer
 *   PLANT_DW       a watermark covers the highest chunk written instead of the highest acknowledged
 *   PLANT_NOFENCE  the owner moves the free-watermark though the row says SEALING
 *   PLANT_SEALGC   SEALs of a CLOSED epoch are removed
 *   PLANT_NOCAS    CLOSED is written by who is not the sealer any more
 *   PLANT_NOREPL   what one zone has is not copied to a quorum before CLOSED
 *   PLANT_ACKOOO   a chunk is acknowledged before those below it
 */
#ifndef NS
#define NS 3
#define Q 2
#endif
#ifndef K
#define K 3      /* positions 0..K-1 */
#endif
#ifndef W
#define W 2      /* pipeline window: nextw - acked <= W */
#endif
#ifndef NR
#define NR 2     /* recoverers */
#endif
#define EMPTY 0
#define CHUNK 1
#define SEAL  2
#define OPEN 0
#define SEALING 1
#define CLOSED 2
#define RG(s,k) reg[(s)*K+(k)]
#define WA(s,k) wack[(s)*K+(k)]
#define AD(s,k) adopt[(s)*K+(k)]

#if NS==3
#define SUMWA(k) (WA(0,k) + WA(1,k) + WA(2,k))
#define ANYC(k) (RG(0,k)==CHUNK || RG(1,k)==CHUNK || RG(2,k)==CHUNK)
#else
#define SUMWA(k) (WA(0,k))
#define ANYC(k) (RG(0,k)==CHUNK)
#endif
#ifdef PLANT_NOFENCE
#define MAYGC (mstate != CLOSED)
#else
#define MAYGC (mstate == OPEN)
#endif

byte reg[NS*K];
bit  wack[NS*K];
bit  adopt[NS*K];      /* <seq>.adopt copies written by recoverers */
bit  sissued[K];       /* a SEAL for k is on its way somewhere */
byte dwof[K];          /* header watermark+1 of chunk k (exclusive: all j<dwof durable) */
byte nextw = 0;        /* writer: next position to create */
byte acked = 0;        /* writer: positions < acked are acknowledged to clients */
bit  wfenced = 0;
byte mstate = OPEN;    /* metadata store */
byte msealer = 0;
byte g = 0;            /* GC/offload watermark committed in M (exclusive) */
byte mend = 255;
byte ncopies;
bit  drained = 0;

inline copies(kk) {
  ncopies = 0;
  if :: RG(0,kk)==CHUNK || AD(0,kk) -> ncopies++ :: else fi;
#if NS==3
  if :: RG(1,kk)==CHUNK || AD(1,kk) -> ncopies++ :: else fi;
  if :: RG(2,kk)==CHUNK || AD(2,kk) -> ncopies++ :: else fi;
#endif
}
inline check_acked() {
  /* I1/I2: nothing at or beyond the decided end is ever acknowledged */
  assert(!(mstate==CLOSED && acked > mend));
}
byte ti;
inline check_dw() {
  /* I4: every visible header watermark is truthful (above the GC line, before drain) */
  if :: mstate != CLOSED ->
     ti = g;
     do :: ti < K ->
           if :: ANYC(ti) && dwof[ti] > g -> copies(dwof[ti]-1); assert(ncopies >= Q)
              :: else fi;
           ti++
        :: else -> break od; ti = 0; ncopies = 0
  :: else fi
}

active proctype Writer() {
  byte s, k, c;
  do
  :: atomic { !wfenced && nextw < K && nextw - acked < W ->      /* create chunk */
#ifdef PLANT_DW
       dwof[nextw] = nextw;
#else
       dwof[nextw] = acked;
#endif
       nextw++ }
  :: atomic { nextw > acked ->                                   /* learn outcome of a PUT (response, or 412 + header compare) */
       select(s : 0 .. (NS-1)); k = acked;
       do :: k < nextw-1 -> k++ :: break od;
       if :: RG(s,k)==CHUNK -> WA(s,k)=1
          :: RG(s,k)==SEAL  -> wfenced=1
          :: else fi; s=0; k=0 }
  :: atomic { acked < nextw ->                                    /* in-order ack on quorum */
#ifdef PLANT_ACKOOO
       k = acked; do :: k < nextw-1 -> k++ :: break od;
#else
       k = acked;
#endif
       c = SUMWA(k);
       if :: c >= Q -> acked = k+1; check_acked() :: else fi; k=0; c=0 }
  :: atomic { MAYGC && g < acked -> g++ }                          /* offload commit advances g; conditional on M state */
  od
}

active proctype Env() {    /* network + garbage collector */
  byte s, k;
  do
  :: atomic { nextw > 0 -> select(s : 0 .. (NS-1)); k=0; do :: k < nextw-1 -> k++ :: break od;
       if :: RG(s,k)==EMPTY -> RG(s,k)=CHUNK; check_dw() :: else fi; s=0; k=0 }    /* (late) chunk PUT lands */
  :: atomic { select(s : 0 .. (NS-1)); select(k : 0 .. (K-1));
       if :: sissued[k] && RG(s,k)==EMPTY -> RG(s,k)=SEAL :: else fi; s=0; k=0 }    /* (late) seal PUT lands */
  :: atomic { g > 0 -> select(s : 0 .. (NS-1)); k=0; do :: k < g-1 -> k++ :: break od;
       if :: RG(s,k)==CHUNK -> RG(s,k)=EMPTY :: else fi; AD(s,k)=0; s=0; k=0 }      /* GC below committed g: chunks only */
  :: atomic { mstate==CLOSED -> select(s : 0 .. (NS-1)); select(k : 0 .. (K-1));    /* drained epoch: delete chunks */
       if :: RG(s,k)==CHUNK -> RG(s,k)=EMPTY
#ifdef PLANT_SEALGC
          :: RG(s,k)==SEAL -> RG(s,k)=EMPTY; sissued[k]=0
#endif
          :: else fi; AD(s,k)=0; s=0; k=0 }
  od
}

proctype Recovery(byte me) {
  byte pos, a, b, ra, rb, k, lo;
  /* 1. fence in M, read g in the same CAS */
  atomic { if :: mstate==CLOSED -> goto done :: else fi; mstate=SEALING; msealer=me; lo=g }
  pos = lo;
  /* 2. list two stores, take the best watermark */
  atomic { select(a : 0 .. (NS-1));
#if NS==3
    if :: b=(a+1)%3 :: b=(a+2)%3 fi
#else
    b=a
#endif
  }
  atomic { k=0; do :: k<K -> if :: RG(a,k)==CHUNK && dwof[k]>pos -> pos=dwof[k] :: else fi; k++ :: else -> break od; k=0 }
  atomic { k=0; do :: k<K -> if :: RG(b,k)==CHUNK && dwof[k]>pos -> pos=dwof[k] :: else fi; k++ :: else -> break od; a=0; b=0;
           k=pos; do :: k<K -> sissued[k]=1; k++ :: else -> break od; k=0 }   /* a whole wave of SEALs is on its way (P10) */
  /* 3. walk the window */
  do
  :: atomic { pos < K ->
       select(a : 0 .. (NS-1));
#if NS==3
       if :: b=(a+1)%3 :: b=(a+2)%3 fi
#else
       b=a
#endif
     };
     atomic { if :: RG(a,pos)==EMPTY -> RG(a,pos)=SEAL :: else fi; ra=RG(a,pos) };
#ifdef PLANT_ONERESP
     rb = ra;
#else
     atomic { if :: RG(b,pos)==EMPTY -> RG(b,pos)=SEAL :: else fi; rb=RG(b,pos) };
#endif
     if
     :: ra==SEAL && rb==SEAL -> break
#ifdef PLANT_DROP1
     :: ra!=rb -> break
     :: ra==CHUNK && rb==CHUNK -> pos++
#else
     :: ra==CHUNK || rb==CHUNK ->
#ifndef PLANT_NOREPL
        atomic { if :: ra!=CHUNK -> AD(a,pos)=1 :: else fi };      /* copy body to <pos>.adopt where the seal won */
        atomic { if :: rb!=CHUNK -> AD(b,pos)=1 :: else fi };
#endif
        pos++
#endif
     fi;
     ra=0; rb=0; a=0; b=0
  :: pos == K -> break
  od;
  /* 4. decide the end in M */
  atomic {
#ifdef PLANT_NOCAS
    if :: true ->
#else
    if :: mstate==SEALING && msealer==me ->
#endif
       assert(mstate != CLOSED || mend == pos);                    /* I3: unique end */
       mstate = CLOSED; mend = pos; 
       check_acked();                                              /* I1 */
       k = g; do :: k < pos -> copies(k); assert(ncopies >= Q); k++ :: else -> break od; ncopies=0  /* I5 */
    :: else fi }
done: skip
}

init { atomic { run Recovery(1);
#if NR>1
  run Recovery(2)
#endif
} }
