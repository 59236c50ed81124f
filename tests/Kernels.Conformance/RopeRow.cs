namespace Kernels.Conformance;

/// <summary>
/// One key turned as the append kernel has to, bit for bit: a product rounded to float32, then one fused operation; a zero is positive.
/// </summary>
internal static class RopeRow
{
    public static float[] Turn<T>(AttentionShape shape, ReadOnlySpan<T> row, int position, RopeTable table) where T : unmanaged
    {
        float[] turned = new float[row.Length];
        for (int d = 0; d < row.Length; d++)
        {
            turned[d] = Elements.ToFloat(row[d]);
        }

        int half = shape.RotaryDim / 2;
        for (int pair = 0; pair < half; pair++)
        {
            bool split = shape.Rope == RopeStyle.HalfSplit;
            int first = shape.RotaryBegin + (split ? pair : 2 * pair), second = first + (split ? half : 1);
            float cosine = table.Values[((position * half) + pair) * 2], sine = table.Values[(((position * half) + pair) * 2) + 1];
            (float x, float y) = (turned[first], turned[second]);
            turned[first] = MathF.FusedMultiplyAdd(x, cosine, -(y * sine)) + 0f;
            turned[second] = MathF.FusedMultiplyAdd(y, cosine, x * sine) + 0f;
        }

        return turned;
    }
}
