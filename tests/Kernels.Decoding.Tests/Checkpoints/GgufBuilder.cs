using System.Text;

namespace Kernels.Decoding.Tests;

/// <summary>Writes GGUF files by hand, with a straightforward quantiser.</summary>
internal sealed class GgufBuilder
{
    private readonly List<byte[]> values = [];
    private readonly List<(string Name, long[] Shape, uint Type, byte[] Data)> tensors = [];

    public uint Version { get; set; } = 3;

    public static byte[] Text(string text) =>
        [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    public GgufBuilder Raw(string key, uint type, params byte[] value)
    {
        values.Add([.. Text(key), .. BitConverter.GetBytes(type), .. value]);
        return this;
    }

    public GgufBuilder Set(string key, string value) => Raw(key, 8, Text(value));

    public GgufBuilder Set(string key, uint value) => Raw(key, 4, BitConverter.GetBytes(value));

    public GgufBuilder Set(string key, float value) => Raw(key, 6, BitConverter.GetBytes(value));

    public GgufBuilder Set(string key, bool value) => Raw(key, 7, value ? (byte)1 : (byte)0);

    public GgufBuilder Set(string key, params string[] texts) =>
        Raw(key, 9, [.. BitConverter.GetBytes(8u), .. BitConverter.GetBytes((ulong)texts.Length), .. texts.SelectMany(Text)]);

    public GgufBuilder Set(string key, params int[] numbers) =>
        Raw(
            key, 9,
            [.. BitConverter.GetBytes(5u), .. BitConverter.GetBytes((ulong)numbers.Length), .. numbers.SelectMany(BitConverter.GetBytes)]);

    /// <summary>Adds a tensor, outermost extent first.</summary>
    public GgufBuilder Add(string name, int[] shape, uint type, byte[] data)
    {
        tensors.Add((name, [.. shape.Select(n => (long)n)], type, data));
        return this;
    }

    public byte[] Build(ulong? claimedTensors = null, ulong? claimedValues = null, Func<int, ulong, ulong>? moveOffset = null)
    {
        var bytes = new List<byte>(
            [.. "GGUF"u8, .. BitConverter.GetBytes(Version), .. BitConverter.GetBytes(claimedTensors ?? (ulong)tensors.Count),
                .. BitConverter.GetBytes(claimedValues ?? (ulong)values.Count)]);
        bytes.AddRange(values.SelectMany(v => v));
        ulong offset = 0;
        foreach ((int i, var tensor) in tensors.Index())
        {
            bytes.AddRange(
                [.. Text(tensor.Name), .. BitConverter.GetBytes((uint)tensor.Shape.Length), .. tensor.Shape.Reverse()
                    .SelectMany(BitConverter.GetBytes)]);
            bytes.AddRange([.. BitConverter.GetBytes(tensor.Type), .. BitConverter.GetBytes(moveOffset?.Invoke(i, offset) ?? offset)]);
            offset += (ulong)Aligned(tensor.Data.Length);
        }

        bytes.AddRange(new byte[Aligned(bytes.Count) - bytes.Count]);
        foreach (var tensor in tensors)
        {
            bytes.AddRange(tensor.Data);
            bytes.AddRange(new byte[Aligned(tensor.Data.Length) - tensor.Data.Length]);
        }

        return [.. bytes];
    }

    private static int Aligned(int bytes) => (bytes + 31) / 32 * 32;
}
