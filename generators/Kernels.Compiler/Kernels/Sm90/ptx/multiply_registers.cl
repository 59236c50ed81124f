//: # Holes: name; columns. A row's elements of b are adjacent. The registers of d are the first operands of the instruction, the others
//: # follow.
// d (64 x ${columns}) += a (64 x 16, in registers) times b (16 x ${columns}, in local memory).
static void ${name}(float4* d, uint4 a, ulong b)
{
    asm volatile("//@sm90a wgmma.mma_async.sync.aligned.m64n${columns}k16.f32.${element}.${element} {"
        ${register_names(${columns})}
        "}, {%${operand(${columns}, 0)}, %${operand(${columns}, 1)}, %${operand(${columns}, 2)}, %${operand(${columns}, 3)}}, %${operand(${columns}, 4)}, 1, 1, 1, 1;"
        : REGISTERS_${registers_of(${columns})}(d)
        : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "l"(b));
}
