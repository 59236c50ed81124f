//: # Hole: row_work_items, the constant that says how many hold rows.
// The work-items that hold rows wait for one another.
static void row_barrier(void)
{
    asm volatile("bar.sync 1, %0;" : : "n"(${row_work_items}) : "memory");
}
