//: # The state of a work-item's rows at their start: y, y + THREADS_Y, ... of the work tile.
float row_max[ROWS_EACH];
float row_sum[ROWS_EACH]; // over this work-item's keys only; added up at the end
float4 output[ROWS_EACH][COLUMNS_EACH];
for (int i = 0; i < ROWS_EACH; i++)
{
    row_max[i] = -INFINITY;
    row_sum[i] = 0.0f;
    for (int c = 0; c < COLUMNS_EACH; c++)
    {
        output[i][c] = (float4)(0.0f);
    }
}
//: if needs_rows

Row row[ROWS_EACH];
for (int i = 0; i < ROWS_EACH; i++)
{
    row[i] = ${make_row(min(y + i * THREADS_Y, work.row_count - 1))};
}
//: end
