using System.Collections.Immutable;

namespace Kernels.Decoding.Tests;

/// <summary>Where the checkpoints that tests read are.</summary>
internal static class TestData
{
    /// <summary>The checkpoints of decoders with reference logits, by the names of their folders.</summary>
    public static ImmutableArray<string> Checkpoints { get; } = Having("prompt0.logits");

    /// <summary>The checkpoints of encoders with reference hidden states.</summary>
    public static ImmutableArray<string> Encoders { get; } = Having("prompt0.hidden");

    public static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "data", name);

    private static ImmutableArray<string> Having(string tensor) =>
    [
        .. Directory.EnumerateDirectories(Path.Combine(AppContext.BaseDirectory, "data"))
            .Where(folder => Contains(Path.Combine(folder, "expected.safetensors"), tensor))
            .Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal),
    ];

    private static bool Contains(string path, string tensor)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using SafeTensors file = SafeTensors.Open(path);
        return file.Contains(tensor);
    }
}
