// Where a row's piece of 16 bytes lies in a matrix of so many rows: in its panel, swizzled within the row's part of it.
static uint piece_at(int row, int piece, int rows)
{
    return piece / 8 * rows * 128 + row * 128 + (piece % 8 ^ row % 8) * 16;
}
