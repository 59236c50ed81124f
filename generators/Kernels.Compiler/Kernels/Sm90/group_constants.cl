//: # The constants of kernels by wgmma: groups of four warps hold rows, one group more copies.
#define ROW_GROUPS ${row_groups} // of four warps, which multiply together
#define ROW_BLOCKS 1 // blocks of 16 rows of a warp
#define ROW_ITEMS (128 * ROW_GROUPS) // work-items that hold rows
#define COPY_ITEMS 128 // work-items that copy keys and values
#define ROW_REGISTERS ${row_registers} // of a work-item that holds rows, once those that copy have given theirs back
#define COPY_REGISTERS ${copy_registers}
#define STAGES ${stages} // tiles in local memory: in use, or on their way
