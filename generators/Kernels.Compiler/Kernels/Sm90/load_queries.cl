//: # The work tile's queries as a matrix in local memory.
//: include Sm80/copy_queries(place: piece_at(r, piece, ROWS), row_work_items: ROW_ITEMS)
asm volatile("cp.async.wait_all;");
//: if rope
row_barrier();
//: include Sm80/turn_queries(
//:     first: (local ${storage}*)((local char*)memory + piece_at(r, (${rope_first(pair)}) / 8, ROWS)) + (${rope_first(pair)}) % 8,
//:     second: (local ${storage}*)((local char*)memory + piece_at(r, (${rope_second(pair)}) / 8, ROWS)) + (${rope_second(pair)}) % 8,
//:     row_work_items: ROW_ITEMS, row_barrier: row_barrier();)
//: end
fence_asynchronous();
row_barrier();
