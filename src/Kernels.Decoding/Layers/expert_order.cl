// Slots in the order of their experts, and a table of tiles of slots that share an expert. By one work-group, of SORT_ITEMS work-items, unless
// the host sets another number: as many experts as it has at most. Or, for a CPU, by one work-item, which has MOST_EXPERTS at most.
#ifndef SORT_ITEMS
#define SORT_ITEMS 1024
#endif
#define MOST_EXPERTS (SORT_ITEMS == 1 ? 1024 : SORT_ITEMS)

#if SORT_ITEMS == 1
kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void sort_slots(
    global const int* restrict experts, // [slots]
    global int* restrict order,         // [places]: a slot, or -1; each expert's begin at a multiple of align
    global int4* restrict tiles,        // [most_tiles]: expert, first place, slots, 0; no slots behind the last one
    int slots,
    int expert_count,
    int places,
    int most_tiles,
    int align,
    int tile)                           // slots of a tile at most
{
    int counts[MOST_EXPERTS], starts[MOST_EXPERTS];
    for (int expert = 0; expert < expert_count; expert++)
    {
        counts[expert] = 0;
    }
    for (int slot = 0; slot < slots; slot++)
    {
        counts[experts[slot]]++;
    }
    for (int place = 0; place < places; place++)
    {
        order[place] = -1;
    }
    int start = 0, next = 0;
    for (int expert = 0; expert < expert_count; expert++)
    {
        const int count = counts[expert];
        for (int first = 0; first < count; first += tile)
        {
            tiles[next++] = (int4)(expert, start + first, min(tile, count - first), 0);
        }
        starts[expert] = start;
        start += (count + align - 1) / align * align;
    }
    for (; next < most_tiles; next++)
    {
        tiles[next] = (int4)(0);
    }
    for (int slot = 0; slot < slots; slot++)
    {
        order[starts[experts[slot]]++] = slot;
    }
}
#else
kernel __attribute__((reqd_work_group_size(SORT_ITEMS, 1, 1)))
void sort_slots(
    global const int* restrict experts, // [slots]
    global int* restrict order,         // [places]: a slot, or -1; each expert's begin at a multiple of align
    global int4* restrict tiles,        // [most_tiles]: expert, first place, slots, 0; no slots behind the last one
    int slots,
    int expert_count,
    int places,
    int most_tiles,
    int align,
    int tile)                           // slots of a tile at most
{
    local int counts[MOST_EXPERTS], starts[MOST_EXPERTS], firsts[MOST_EXPERTS], taken[MOST_EXPERTS];
    local int sums[2][SORT_ITEMS];
    const int item = get_local_id(0);
    counts[item] = 0;
    taken[item] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int slot = item; slot < slots; slot += SORT_ITEMS)
    {
        atomic_inc(counts + experts[slot]);
    }
    for (int place = item; place < places; place += SORT_ITEMS)
    {
        order[place] = -1;
    }
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);

    // Places and tiles before each expert.
    const int count = counts[item], own_places = (count + align - 1) / align * align, own_tiles = (count + tile - 1) / tile;
    sums[0][item] = own_places;
    sums[1][item] = own_tiles;
    for (int step = 1; step < SORT_ITEMS; step *= 2)
    {
        barrier(CLK_LOCAL_MEM_FENCE);
        const int before = item >= step ? sums[0][item - step] : 0, tiles_before = item >= step ? sums[1][item - step] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        sums[0][item] += before;
        sums[1][item] += tiles_before;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    starts[item] = sums[0][item] - own_places;
    firsts[item] = sums[1][item] - own_tiles;
    for (int i = 0; i < own_tiles; i++)
    {
        tiles[firsts[item] + i] = (int4)(item, starts[item] + i * tile, min(tile, count - i * tile), 0);
    }
    for (int i = sums[1][SORT_ITEMS - 1] + item; i < most_tiles; i += SORT_ITEMS)
    {
        tiles[i] = (int4)(0);
    }
    for (int slot = item; slot < slots; slot += SORT_ITEMS)
    {
        const int expert = experts[slot];
        order[starts[expert] + atomic_inc(taken + expert)] = slot;
    }
}
#endif
