using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Decoders;

/// <summary>The options of the <c>roofline</c> command that say what it is about.</summary>
internal sealed class RooflineArguments
{
    private static readonly (string Name, ElementType Type)[] Types =
    [
        ("float32", ElementType.Float32), ("float16", ElementType.Float16), ("bfloat16", ElementType.BFloat16),
        ("int8", ElementType.Int8), ("int4", ElementType.Int4), ("fp8", ElementType.Float8E4M3),
    ];

    private readonly Option<string?> model = new("--model")
    {
        Description = "Checkpoint folder; config.json is enough, weights are for --measure.",
        HelpName = "DIR",
    };
    private readonly Option<string?> spec = new("--spec")
    {
        Description = "The name of an attention type that this program was compiled with.",
        HelpName = "NAME",
    };
    private readonly Option<int?> heads = Number("--heads", "Query heads of a layer, where neither --model nor --spec is given.");
    private readonly Option<int?> kvHeads = Number("--kv-heads", "KV heads; by default as many as query heads.");
    private readonly Option<int?> headDim = Number("--head-dim", "Elements of a head.");
    private readonly Option<int?> valueDim = Number("--value-dim", "Elements of a head of values; by default as those of keys.");
    private readonly Option<int?> latent = Number("--latent", "The rank of latent attention (MLA), absorbed.");
    private readonly Option<int?> ropeDim = Number("--rope-dim", "Elements that turn behind a latent; by default half a head.");
    private readonly Option<int?> window = Number("--window", "Keys that a query sees, its own included; by default all.");
    private readonly Option<int?> pageSize = Number("--page-size", "Tokens of a page of the cache; by default it is contiguous.");
    private readonly Option<int?> layers = Number("--layers", "Layers; by default 1.");
    private readonly Option<ElementType?> cacheType = new("--cache-type")
    {
        Description = "The type of the cache; by default float16.",
        HelpName = string.Join('|', Types.Select(type => type.Name)),
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            (string? name, ElementType type) = Array.Find(Types, candidate => candidate.Name == text);
            if (name is null)
            {
                result.AddError($"--cache-type is '{text}', not one of {string.Join(", ", Types.Select(candidate => candidate.Name))}.");
            }

            return type;
        },
    };

    private readonly Option<CacheKind?> cache = CommandRunner.CacheOption("contiguous; for --model");
    private readonly Option<ElementType?> attentionType = CommandRunner.AttentionTypeOption();

    /// <summary>Options that describe a layer by its numbers.</summary>
    private Option[] Numbers => [kvHeads, headDim, valueDim, latent, ropeDim, window, pageSize, cacheType];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[model, spec, heads, .. Numbers, layers, cache, attentionType])
        {
            command.Add(option);
        }

        command.Validators.Add(Check);
    }

    /// <summary>What the options say.</summary>
    /// <exception cref="CheckpointException">The model's configuration cannot be used.</exception>
    public RooflineSubject Read(ParseResult result)
    {
        int count = result.GetValue(layers) ?? 1;
        if (result.GetValue(model) is { } folder)
        {
            return ReadModel(folder, result.GetValue(cache) ?? CacheKind.Contiguous, result.GetValue(attentionType));
        }

        return result.GetValue(spec) is { } name
            ? new RooflineSubject(name, [new(CompiledAttention.Find(name)!.Shape, count)])
            : new RooflineSubject("attention", [new(ReadShape(result), count)]);
    }

    private static RooflineSubject ReadModel(string folder, CacheKind cache, ElementType? attention)
    {
        string name = CheckpointFolder.NameOf(folder);
        folder = CheckpointFolder.Resolve(folder);
        ModelConfig config = ModelConfig.Load(folder);
        if (config.IsEncoder)
        {
            throw new CheckpointException(
                folder, $"is of type {config.ModelType}, an encoder, which has no steps to predict: texts are run whole");
        }

        bool hasWeights = File.Exists(folder)
            || File.Exists(Path.Combine(folder, SafeTensors.SingleFileName))
            || File.Exists(Path.Combine(folder, SafeTensors.IndexFileName));
        config = config with { WeightType = (hasWeights ? StoredType(folder) : null) ?? config.WeightType ?? ElementType.Float16 };
        return RooflineSubject.Of(name, config, cache, attention) with { Checkpoint = hasWeights ? folder : null };
    }

    private static ElementType? StoredType(string folder)
    {
        using TensorSource checkpoint = CheckpointFolder.OpenTensors(folder);
        return checkpoint.WeightType;
    }

    private AttentionShape ReadShape(ParseResult result)
    {
        int queryHeads = result.GetRequiredValue(heads)!.Value;
        int dim = result.GetRequiredValue(headDim)!.Value;
        ElementType type = result.GetValue(cacheType) ?? ElementType.Float16;
        var shape = new AttentionShape(
            queryHeads, result.GetValue(kvHeads) ?? queryHeads, dim, result.GetValue(valueDim) ?? dim, 1 / Math.Sqrt(dim),
            AttentionMask.Causal,
            type.BitsPerElement() >= 16 ? type : ElementType.Float16, type, KvLayout.Hnd)
        {
            WindowLeft = result.GetValue(window) is > 0 and int keys ? keys - 1 : null,
            PageSize = result.GetValue(pageSize) ?? 0,
        };
        return result.GetValue(latent) is { } rank
            ? shape with { KvHeads = 1, HeadDim = rank + (result.GetValue(ropeDim) ?? (dim / 2)), ValueDim = rank, LatentCache = true }
            : shape;
    }

    private void Check(CommandResult result)
    {
        bool byNumbers = result.GetResult(heads) is not null;
        if (new[] { result.GetResult(model) is not null, result.GetResult(spec) is not null, byNumbers }.Count(given => given) != 1)
        {
            result.AddError("One of --model, --spec and --heads is required.");
            return;
        }

        if (result.GetResult(spec) is not null && result.GetValue(spec) is { } name && CompiledAttention.Find(name) is null)
        {
            result.AddError($"--spec is '{name}', not one of {string.Join(", ", CompiledAttention.Names)}.");
        }

        if (Array.Find(Numbers, option => !byNumbers && result.GetResult(option) is not null) is { } stray)
        {
            result.AddError($"{stray.Name} goes with --heads.");
        }
        else if (byNumbers && result.GetResult(headDim) is null)
        {
            result.AddError("--heads needs --head-dim.");
        }
        else if (byNumbers && Given(result, heads) is { } queries && Given(result, kvHeads) is { } keys && queries % keys != 0)
        {
            result.AddError($"--kv-heads is {keys}, not a divisor of --heads, {queries}.");
        }

        if (result.GetResult(model) is not null && result.GetResult(layers) is not null)
        {
            result.AddError("--layers goes with --spec or --heads.");
        }

        if (result.GetResult(model) is null && result.GetResult(attentionType) is not null)
        {
            result.AddError("--attention-type goes with --model.");
        }
    }

    /// <summary>The number that an option was given; null if it was given none that is allowed, which is told elsewhere.</summary>
    private static int? Given(CommandResult result, Option option) =>
        result.GetResult(option) is { Tokens: [{ Value: { } text }] } && int.TryParse(text, CultureInfo.InvariantCulture, out int number)
        && number > 0 ? number : null;

    private static Option<int?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => CommandRunner.ParseNumber<int>(result, n => n is >= 1 and <= 1 << 20, "a number from 1 to 1048576"),
    };
}
