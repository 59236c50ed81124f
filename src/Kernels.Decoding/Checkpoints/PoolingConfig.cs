using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>How texts become vectors, as sentence-transformers writes it beside a checkpoint.</summary>
/// <param name="Pooling">How one vector is made of the tokens'.</param>
/// <param name="Normalizes">Whether it is divided by its length (L2).</param>
internal sealed record PoolingConfig(Pooling Pooling, bool Normalizes = true)
{
    /// <summary>The file name of the list of what is behind the model.</summary>
    public const string ModulesFileName = "modules.json";

    /// <summary>The folder of the pooling, where no list names one.</summary>
    public const string FolderName = "1_Pooling";

    /// <summary>
    /// Reads <c>modules.json</c> and <c>1_Pooling/config.json</c>. Without them, encoders have the mean of their tokens, decoders the last
    /// token, which alone has seen all others. Vectors are normalised unless a list has no such module.
    /// </summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="isEncoder">Whether its model is an encoder.</param>
    /// <exception cref="CheckpointException">A file is wrong, or asks for what there is no code for.</exception>
    public static PoolingConfig Load(string folder, bool isEncoder)
    {
        (string poolingFolder, bool normalizes) = ReadModules(folder);
        string path = Path.Combine(folder, poolingFolder, ModelConfig.FileName);
        if (!File.Exists(path))
        {
            return new PoolingConfig(isEncoder ? Pooling.Mean : Pooling.Last, normalizes);
        }

        using JsonDocument document = JsonFile.Open(path);
        var json = new ConfigReader(path, document.RootElement);
        if (json.OptionalText("pooling_mode") is { } mode)
        {
            return new PoolingConfig(
                mode switch
                {
                    "mean" => Pooling.Mean,
                    "cls" => Pooling.First,
                    "lasttoken" => Pooling.Last,
                    "max" => Pooling.Max,
                    _ => throw json.Unsupported("pooling_mode", "mean, cls, lasttoken, max"),
                },
                normalizes);
        }

        (string Key, Pooling? Pooling)[] modes =
        [
            ("pooling_mode_mean_tokens", Pooling.Mean), ("pooling_mode_cls_token", Pooling.First),
            ("pooling_mode_lasttoken", Pooling.Last), ("pooling_mode_max_tokens", Pooling.Max),
            ("pooling_mode_mean_sqrt_len_tokens", null), ("pooling_mode_weightedmean_tokens", null),
        ];
        (string Key, Pooling? Pooling)[] asked = [.. modes.Where(m => json.Flag(m.Key, false))];
        return asked switch
        {
            [(_, { } pooling)] => new PoolingConfig(pooling, normalizes),
            [(var key, null)] => throw json.Unsupported(key, "false"),
            [] => throw new CheckpointException(path, "names no pooling mode; one of mean, cls, last token and max is expected to be true"),
            _ => throw new CheckpointException(
                path, $"names {asked.Length} pooling modes, whose vectors would be joined, which is not supported; expected one"),
        };
    }

    private static (string PoolingFolder, bool Normalizes) ReadModules(string folder)
    {
        string path = Path.Combine(folder, ModulesFileName);
        if (!File.Exists(path))
        {
            return (FolderName, true);
        }

        using JsonDocument document = JsonFile.Open(path);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, "is not a JSON list");
        }

        (string pooling, bool normalizes) = (FolderName, false);
        foreach (JsonElement item in document.RootElement.EnumerateArray())
        {
            var module = new ConfigReader(path, item);
            switch (module.Text("type").Split('.')[^1])
            {
                case "Transformer":
                    break;
                case "Pooling":
                    pooling = module.OptionalText("path") ?? FolderName;
                    if (Path.IsPathRooted(pooling) || pooling.Split('/', '\\').Contains(".."))
                    {
                        throw module.Unsupported("path", "a folder of the checkpoint");
                    }

                    break;
                case "Normalize":
                    normalizes = true;
                    break;
                default:
                    throw module.Unsupported("type", "Transformer, Pooling, Normalize");
            }
        }

        return (pooling, normalizes);
    }
}
