using System.Runtime.InteropServices;

namespace Kernels.Decoding.Tests;

/// <summary>Quantises rows as GGUF's types are defined: the bytes of the blocks, and what the weights have become.</summary>
internal static class GgufQuantizer
{
    public static readonly Dictionary<string, (uint Number, int Columns)> Types = new()
    {
        ["F32"] = (0, 1), ["F16"] = (1, 1), ["BF16"] = (30, 1), ["Q4_0"] = (2, 32), ["Q4_1"] = (3, 32), ["Q5_0"] = (6, 32),
            ["Q8_0"] = (8, 32),
        ["Q4_K"] = (12, 256), ["Q5_K"] = (13, 256), ["Q6_K"] = (14, 256),
    };

    public static (byte[] Data, float[] Values) Quantize(float[] x, string type)
    {
        switch (type)
        {
            case "F32":
                return (MemoryMarshal.AsBytes<float>(x).ToArray(), x);
            case "F16":
                Half[] halves = [.. x.Select(v => (Half)v)];
                return (MemoryMarshal.AsBytes<Half>(halves).ToArray(), [.. halves.Select(h => (float)h)]);
            case "BF16":
                BFloat16[] shorts = [.. x.Select(v => (BFloat16)v)];
                return (MemoryMarshal.AsBytes<BFloat16>(shorts).ToArray(), [.. shorts.Select(b => (float)b)]);
        }

        var data = new List<byte>();
        var values = new List<float>();
        foreach (float[] block in x.Chunk(Types[type].Columns))
        {
            (byte[] bytes, float[] left) = type switch
            {
                "Q4_0" or "Q4_1" => FourBits(block, type == "Q4_1"),
                "Q5_0" => FiveBits(block),
                "Q8_0" => EightBits(block),
                "Q6_K" => SixBits(block),
                _ => WithMinima(block, type == "Q5_K" ? 5 : 4),
            };
            data.AddRange(bytes);
            values.AddRange(left);
        }

        return ([.. data], [.. values]);
    }

    private static byte[] Bytes(Half value) => BitConverter.GetBytes(value);

    private static (byte[], float[]) FourBits(float[] x, bool withMinimum)
    {
        Half d = (Half)(withMinimum ? (x.Max() - x.Min()) / 15 : x.Max(Math.Abs) / 7);
        Half m = (Half)x.Min();
        int[] q =
            [.. x.Select(v => Math.Clamp((int)MathF.Round((withMinimum ? v - (float)m : v) / (float)d) + (withMinimum ? 0 : 8), 0, 15))];
        byte[] packed = [.. Enumerable.Range(0, 16).Select(i => (byte)(q[i] | (q[i + 16] << 4)))];
        return withMinimum
            ? ([.. Bytes(d), .. Bytes(m), .. packed], [.. q.Select(n => (n * (float)d) + (float)m)])
            : ([.. Bytes(d), .. packed], [.. q.Select(n => (n - 8) * (float)d)]);
    }

    private static (byte[], float[]) FiveBits(float[] x)
    {
        Half d = (Half)(x.Max(Math.Abs) / 15);
        int[] q = [.. x.Select(v => Math.Clamp((int)MathF.Round(v / (float)d) + 16, 0, 31))];
        uint high = q.Select((n, i) => (uint)(n >> 4) << i).Aggregate((a, b) => a | b);
        return ([.. Bytes(d), .. BitConverter.GetBytes(high), .. Enumerable.Range(0, 16)
            .Select(i => (byte)((q[i] & 15) | ((q[i + 16] & 15) << 4)))],
            [.. q.Select(n => (n - 16) * (float)d)]);
    }

    private static (byte[], float[]) EightBits(float[] x)
    {
        Half d = (Half)(x.Max(Math.Abs) / 127);
        sbyte[] q = [.. x.Select(v => (sbyte)Math.Clamp(MathF.Round(v / (float)d), -128, 127))];
        return ([.. Bytes(d), .. q.Select(n => (byte)n)], [.. q.Select(n => n * (float)d)]);
    }

    private static (byte[], float[]) SixBits(float[] x)
    {
        float[] scales = [.. x.Chunk(16).Select(group => group.Max(Math.Abs) / 31)];
        Half d = (Half)(scales.Max() / 127);
        sbyte[] sc = [.. scales.Select((s, i) => (sbyte)((int)MathF.Round(s / (float)d) * (i % 2 == 0 ? 1 : -1)))];
        int[] q = [.. x.Select((v, i) => sc[i / 16] == 0 ? 32 : Math.Clamp((int)MathF.Round(v / ((float)d * sc[i / 16])) + 32, 0, 63))];
        var low = new byte[128];
        var high = new byte[64];
        for (int i = 0; i < 256; i++)
        {
            (int half, int quarter, int l) = (i / 128, i % 128 / 32, i % 32);
            low[(half * 64) + (quarter % 2 * 32) + l] |= (byte)((q[i] & 15) << (quarter / 2 * 4));
            high[(half * 32) + l] |= (byte)((q[i] >> 4) << (quarter * 2));
        }

        return ([.. low, .. high, .. sc.Select(s => (byte)s), .. Bytes(d)], [.. q.Select((n, i) => (float)d * sc[i / 16] * (n - 32))]);
    }

    private static (byte[], float[]) WithMinima(float[] x, int bits)
    {
        int most = (1 << bits) - 1;
        float[] minima = [.. x.Chunk(32).Select(group => -Math.Min(0, group.Min()))];
        float[] scales = [.. x.Chunk(32).Select((group, i) => (group.Max() + minima[i]) / most)];
        Half d = (Half)(scales.Max() / 63), dmin = (Half)(minima.Max() / 63);
        int[] sc = [.. scales.Select(s => Math.Clamp((int)MathF.Ceiling(s / (float)d), 1, 63))];
        int[] m = [.. minima.Select(v => Math.Clamp((int)MathF.Round(v / (float)dmin), 0, 63))];
        int[] q = [.. x.Select((v, i) => Math.Clamp((int)MathF.Round((v + ((float)dmin * m[i / 32])) / ((float)d * sc[i / 32])), 0, most))];
        var packed = new byte[12];
        for (int i = 0; i < 4; i++)
        {
            packed[i] = (byte)(sc[i] | ((sc[i + 4] >> 4) << 6));
            packed[i + 4] = (byte)(m[i] | ((m[i + 4] >> 4) << 6));
            packed[i + 8] = (byte)((sc[i + 4] & 15) | ((m[i + 4] & 15) << 4));
        }

        var low = new byte[128];
        var high = new byte[32];
        for (int i = 0; i < 256; i++)
        {
            (int group, int l) = (i / 32, i % 32);
            low[(group / 2 * 32) + l] |= (byte)((q[i] & 15) << (group % 2 * 4));
            high[l] |= (byte)((q[i] >> 4) << group);
        }

        float[] left = [.. q.Select((n, i) => ((float)d * sc[i / 32] * n) - ((float)dmin * m[i / 32]))];
        return ([.. Bytes(d), .. Bytes(dmin), .. packed, .. bits == 5 ? high : [], .. low], left);
    }
}
