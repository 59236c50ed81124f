//: # Lists of the registers of matrices of so many columns, as operands that an instruction reads and writes. Each has those of the one
//: # before, and more.
#define REGISTERS_4(x) "+f"((x).s0), "+f"((x).s1), "+f"((x).s2), "+f"((x).s3)
//: for list in register_lists
#define REGISTERS_${list.count}(d) ${list.registers}
//: end
