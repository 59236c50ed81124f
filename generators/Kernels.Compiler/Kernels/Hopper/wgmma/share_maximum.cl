//: # The maxima of a row block, top0 and top1, become those of both groups' keys.
// The other half of the keys counts as well.
if (lane % 4 == 0)
{
    shared_rows[group * ROWS + warp_row + lane / 4] = top0;
    shared_rows[group * ROWS + warp_row + lane / 4 + 8] = top1;
}
row_barrier();
top0 = fmax(top0, shared_rows[(1 - group) * ROWS + warp_row + lane / 4]);
top1 = fmax(top1, shared_rows[(1 - group) * ROWS + warp_row + lane / 4 + 8]);
