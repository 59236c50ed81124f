//: # Moves registers between groups of four warps; the numbers are those of a work-item, and of all together there are no more than at
//: # the start. What only the target sm_90a knows is a PTX comment behind //@sm90a; the runtime takes that away from the built program's
//: # PTX, which it has assembled for sm_90a.
// Four warps give registers back to the multiprocessor.
#define give_registers(left) asm volatile("//@sm90a setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(left))

// Four warps wait until they have that many registers.
#define take_registers(wanted) asm volatile("//@sm90a setmaxnreg.inc.sync.aligned.u32 %0;" : : "n"(wanted))
