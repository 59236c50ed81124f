//: # Starts the copies of the work tile's queries to local memory; rows past the end are zeros. Holes: place, where from the queries' begin
//: # piece 'piece' of row 'r' goes, in bytes; row_work_items, the constant that says how many hold rows.
for (int i = thread; i < ROWS * (HEAD_DIM / 8); i += ${row_work_items})
{
    const int r = i / (HEAD_DIM / 8);
    const int piece = i % (HEAD_DIM / 8);
    global const ${storage}* from = queries + packed_row(work, kv_head, min(r, work.row_count - 1)) * HEAD_DIM + piece * 8;
    copy_16(queries_at + ${place}, from, r < work.row_count);
}
