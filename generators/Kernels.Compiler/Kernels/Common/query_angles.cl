// The angles of a row's query; one below position 0 does not turn.
static global const float2* query_angles(WorkTile work, int row, global const float2* rope)
{
    return rope + (long)max(work.position + (work.first_row + row) / GROUP, 0) * (ROTARY_DIM / 2);
}
