//: # Holes: name; columns; transposed, 0 where a column's elements of b are adjacent, 1 where a row's are. The registers of d are the first
//: # operands of the instruction, the others follow.
// d (64 x ${columns}) = a (64 x 16) times b (16 x ${columns}), both in local memory, added to d if `adds`.
static void ${name}(float4* d, ulong a, ulong b, int adds)
{
    asm volatile("{ //@sm90a \n"
        "//@sm90a .reg .pred p; setp.ne.b32 p, %${operand(${columns}, 2)}, 0;\n"
        "//@sm90a wgmma.mma_async.sync.aligned.m64n${columns}k16.f32.${element}.${element} {"
        ${register_names(${columns})}
        "}, %${operand(${columns}, 0)}, %${operand(${columns}, 1)}, p, 1, 1, 0, ${transposed};\n"
        "}"
        : REGISTERS_${registers_of(${columns})}(d)
        : "l"(a), "l"(b), "r"(adds));
}
