// Rows of one sequence against a range of its keys; the host plans them, one work-group for each KV head takes one.
typedef struct
{
    //: for field in work_fields
    ${field.declaration}
    //: end
} WorkTile;

static WorkTile read_work_tile(global const int* tiles, int index)
{
    const int8 x = vload8(0, tiles + index * ${work_ints});
    const int4 y = vload4(0, tiles + index * ${work_ints} + 8);
    const WorkTile work = { x.s0, x.s1, x.s2, x.s3, x.s4, x.s5, x.s6, x.s7, y.s0, y.s1, y.s2, y.s3, tiles[index * ${work_ints} + 12] };
    return work;
}
