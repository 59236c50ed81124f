//: # Hints which rows will be read soon: a CPU's own prefetchers stop at the end of a memory page, which a few rows fill, and start anew
//: # in every page. Holes: level, the cache that the line is to come into: 2 for what comes from memory, since the first level waits for
//: # so few lines at a time that hints hold up the loads; 1 for what mostly is in the other levels already. locality: 4 - level.
// Hints that the 64 bytes at an address are read soon; nothing where the compiler does not know the processor.
static void prefetch_line(global const void* line)
{
#if defined(__x86_64__) || defined(__aarch64__)
    __builtin_prefetch((const void*)(size_t)line, 0, ${locality}); // into the cache of level ${level}
#endif
}
