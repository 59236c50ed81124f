using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Kernels.Decoding.Tests;

/// <summary>Writes the tensors of checkpoints, in any stored type.</summary>
internal static class StoredTensors
{
    /// <summary>The tensors of a checkpoint, as float32.</summary>
    public static Dictionary<string, StoredTensor> Read(string folder)
    {
        using SafeTensors checkpoint = SafeTensors.Open(folder);
        return checkpoint.Names.ToDictionary(
            name => name, name => new StoredTensor([.. checkpoint.Info(name).Shape.Select(n => (int)n)], checkpoint.ReadFloats(name)));
    }

    /// <summary>What is left of numbers once they were stored.</summary>
    public static float[] Round(float[] values, string type) => type switch
    {
        "F16" => [.. values.Select(v => (float)(Half)v)],
        "BF16" => [.. values.Select(v => (float)(BFloat16)v)],
        _ => values,
    };

    /// <summary>Writes the tensors into a folder; into more than one file if there is to be an index.</summary>
    public static void Write(TemporaryFolder folder, IReadOnlyDictionary<string, StoredTensor> tensors, string type, int files = 1)
    {
        if (files == 1)
        {
            folder.Write(SafeTensors.SingleFileName, File(tensors, type));
            return;
        }

        var map = new JsonObject();
        for (int file = 0; file < files; file++)
        {
            string name = $"model-{file + 1:D5}-of-{files:D5}.safetensors";
            var part = tensors.Where((_, i) => i % files == file).ToDictionary();
            folder.Write(name, File(part, type));
            foreach (string tensor in part.Keys)
            {
                map[tensor] = name;
            }
        }

        folder.Write(SafeTensors.IndexFileName, new JsonObject { ["weight_map"] = map }.ToJsonString());
    }

    private static byte[] File(IReadOnlyDictionary<string, StoredTensor> tensors, string type)
    {
        var header = new JsonObject();
        var data = new List<byte>();
        foreach ((string name, (int[] shape, float[] values)) in tensors)
        {
            int begin = data.Count;
            data.AddRange(type switch
            {
                "F16" => MemoryMarshal.AsBytes<Half>(values.Select(v => (Half)v).ToArray()),
                "BF16" => MemoryMarshal.AsBytes<BFloat16>(values.Select(v => (BFloat16)v).ToArray()),
                _ => MemoryMarshal.AsBytes<float>(values),
            });
            header[name] = new JsonObject
            {
                ["dtype"] = type,
                ["shape"] = new JsonArray([.. shape.Select(extent => JsonValue.Create(extent))]),
                ["data_offsets"] = new JsonArray(begin, data.Count),
            };
        }

        return SafeTensorsBuilder.File(header.ToJsonString(), [.. data]);
    }
}
