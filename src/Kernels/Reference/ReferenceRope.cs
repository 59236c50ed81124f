namespace Kernels;

/// <summary>Rotary position embedding in double precision on the host: what the kernels are tested against.</summary>
public static class ReferenceRope
{
    /// <summary>Turns the rows of one sequence; <see cref="ReferenceAttention"/> takes queries and keys that have turned.</summary>
    /// <param name="shape">Says which elements turn together, and how many.</param>
    /// <param name="rows">[tokens, heads, d_qk]; is left as it is.</param>
    /// <param name="heads">Heads of a token.</param>
    /// <param name="firstPosition">Position of the first token; those below 0 count as 0.</param>
    /// <param name="table">The angles.</param>
    /// <returns>The turned rows.</returns>
    /// <exception cref="ArgumentException">
    /// The shape has no rope, or the table is of another rotary dimension or has too few positions.
    /// </exception>
    public static double[] Turn(AttentionShape shape, ReadOnlySpan<double> rows, int heads, int firstPosition, RopeTable table)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(table);
        if (shape.Rope != RopeStyle.None && table.RotaryDim != shape.RotaryDim)
        {
            throw new ArgumentException(
                $"Expected a table of rotary dimension {shape.RotaryDim}, got one of {table.RotaryDim}.", nameof(table));
        }

        if (firstPosition + (rows.Length / (heads * shape.HeadDim)) > table.Positions)
        {
            throw new ArgumentException(
                $"Expected a table of {firstPosition + (rows.Length / (heads * shape.HeadDim))} positions or more, "
                + $"got one of {table.Positions}.",
                nameof(table));
        }

        double[] turned = rows.ToArray();
        int half = shape.RotaryDim / 2;
        for (int row = 0; row < rows.Length / shape.HeadDim; row++)
        {
            int position = Math.Max(0, firstPosition + (row / heads)), at = (row * shape.HeadDim) + shape.RotaryBegin;
            for (int pair = 0; pair < half; pair++)
            {
                (int first, int second) = shape.Rope switch
                {
                    RopeStyle.HalfSplit => (at + pair, at + pair + half),
                    RopeStyle.Interleaved => (at + (2 * pair), at + (2 * pair) + 1),
                    _ => throw new ArgumentException($"Expected a style of rope, got {shape.Rope}.", nameof(shape)),
                };
                double cosine = table.Values[((position * half) + pair) * 2], sine = table.Values[(((position * half) + pair) * 2) + 1];
                turned[first] = (rows[first] * cosine) - (rows[second] * sine);
                turned[second] = (rows[second] * cosine) + (rows[first] * sine);
            }
        }

        return turned;
    }
}
