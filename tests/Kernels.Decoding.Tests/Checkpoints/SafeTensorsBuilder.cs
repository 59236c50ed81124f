using System.Buffers.Binary;
using System.Text;

namespace Kernels.Decoding.Tests;

/// <summary>Writes safetensors files by hand, right ones and wrong ones.</summary>
internal static class SafeTensorsBuilder
{
    /// <summary>A file with this header and this much data; the header length may lie.</summary>
    public static byte[] File(string header, byte[] data, ulong? headerLength = null)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength ?? (ulong)json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes, 8 + json.Length);
        return bytes;
    }

    /// <summary>A well-formed file of float32 vectors, each full of one value.</summary>
    public static byte[] Vectors(params (string Name, int Length, float Value)[] tensors)
    {
        var entries = new List<string>();
        var data = new List<byte>();
        foreach ((string name, int length, float value) in tensors)
        {
            entries.Add($$"""
                "{{name}}": {"dtype": "F32", "shape": [{{length}}], "data_offsets": [{{data.Count}}, {{data.Count + (length * 4)}}]}
                """);
            for (int i = 0; i < length; i++)
            {
                data.AddRange(BitConverter.GetBytes(value));
            }
        }

        return File("{" + string.Join(",", entries) + "}", [.. data]);
    }
}
