//: # Waits until all groups of products but the last ${pending} are done. Holes: name; columns of their matrix; pending.
static void ${name}(float4* d)
{
    asm volatile("//@sm90a wgmma.wait_group.sync.aligned ${pending};" : REGISTERS_${registers_of(${columns})}(d) : : "memory");
}
