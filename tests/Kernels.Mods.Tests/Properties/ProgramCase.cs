using System.Globalization;
using CsCheck;

namespace Kernels.Mods.Tests.Properties;

/// <summary>A spec as a user could write it, and a batch to run it on.</summary>
/// <param name="Heads">Query heads and KV heads.</param>
/// <param name="Dim">d_qk.</param>
/// <param name="Options">Properties of the attribute, with their values in C#.</param>
/// <param name="Mods">Its mods, at most one of each kind.</param>
/// <param name="Lengths">(s_q, s_k) of each sequence.</param>
/// <param name="Prefix">Keys that every query sees, where the mask has a prefix.</param>
/// <param name="IsPortable">Whether the portable target runs, else the cpu target.</param>
/// <param name="HasBlockMask">Whether launches are given a block mask, where there is a mask mod.</param>
/// <param name="Seed">Of the numbers that the launch is given.</param>
internal sealed record ProgramCase(
    (int Query, int Kv) Heads, int Dim, IReadOnlyList<(string Name, string Value)> Options, IReadOnlyList<Mod> Mods,
    IReadOnlyList<(int Queries, int Keys)> Lengths, int Prefix, bool IsPortable, bool HasBlockMask, int Seed)
{
    private static readonly (int, int)[] HeadCounts = [(1, 1), (2, 2), (4, 2), (6, 3), (8, 2), (5, 1), (7, 1), (16, 2), (3, 3)];
    private static readonly int[] Dims = [8, 9, 16, 24, 32, 40, 59, 64, 80, 96];

    // Rarely: their kernels take long to build and to run.
    private static readonly int[] WideDims = [111, 128, 144, 160, 192, 256];

    /// <summary>Any case.</summary>
    public static Gen<ProgramCase> Any { get; } = new Generator();

    /// <summary>The names of the inputs that the spec's mods have, each once.</summary>
    public IEnumerable<string> Inputs => Mods.SelectMany(mod => mod.Inputs).Distinct();

    /// <summary>The user's program.</summary>
    public string Source => string.Create(CultureInfo.InvariantCulture, $$"""
        using System;
        using Kernels;

        [AttentionKernel({{Heads.Query}}, {{Heads.Kv}}, {{Dim}}{{string.Concat(Options.Select(option => $", {option.Name} = {option.Value}"))}})]
        internal sealed partial class Spec
        {
        {{string.Join('\n', Mods.Select(mod => mod.Text))}}
        }
        """);

    /// <summary>Simpler cases, the much simpler ones first: of a failing case, one that fails too is easier to understand.</summary>
    public IEnumerable<ProgramCase> Simpler()
    {
        for (int i = 0; i < Lengths.Count && Lengths.Count > 1; i++)
        {
            yield return this with { Lengths = [Lengths[i]] };
        }

        foreach (Mod mod in Mods)
        {
            yield return this with { Mods = [.. Mods.Except([mod])] };
        }

        foreach ((string, string) option in Options)
        {
            yield return this with { Options = [.. Options.Except([option])] };
        }

        if (HasBlockMask)
        {
            yield return this with { HasBlockMask = false };
        }

        if (Heads.Query > Heads.Kv)
        {
            yield return this with { Heads = (Heads.Kv, Heads.Kv) };
        }

        if (Heads.Kv > 1)
        {
            yield return this with { Heads = (Heads.Query / Heads.Kv, 1) };
        }

        for (int i = 0; i < Lengths.Count; i++)
        {
            (int queries, int keys) = Lengths[i];
            foreach ((int, int) shorter in new[] { (Math.Min(1, queries), keys), ((queries + 1) / 2, keys), (queries, (keys + 1) / 2) })
            {
                if (shorter != (queries, keys))
                {
                    yield return this with { Lengths = [.. Lengths.Take(i), shorter, .. Lengths.Skip(i + 1)] };
                }
            }
        }
    }

    public override string ToString() =>
        $"{(IsPortable ? "portable" : "cpu")} target{(HasBlockMask ? ", block mask" : "")}, (s_q, s_k) {string.Join(" ", Lengths)}, "
            + $"prefix {Prefix}, numbers of seed {Seed}\n{Source}";

    private sealed class Generator : Gen<ProgramCase>
    {
        public override ProgramCase Generate(PCG pcg, Size? min, out Size size)
        {
            var choices = new Choices(pcg);
            int dim = choices.Of(choices.Chance(10) ? WideDims : Dims);
            List<Mod> mods = [];
            if (choices.Chance(65))
            {
                mods.Add(ModGrammar.Score(choices));
            }

            if (choices.Chance(65))
            {
                mods.Add(ModGrammar.Mask(choices));
            }

            var drawn = new ProgramCase(
                choices.Of(HeadCounts), dim, Chosen(choices, dim), mods,
                [.. Enumerable.Range(0, choices.Number(1, 6)).Select(_ => Length(choices))],
                choices.Number(0, 40), IsPortable: choices.Chance(20), HasBlockMask: choices.Chance(25)
                    && mods.Exists(mod => mod.Name == "Mask"), choices.Number(1, 1 << 20));
            size = new Size((ulong)drawn.ToString().Length);
            return drawn;
        }

        private static List<(string, string)> Chosen(Choices choices, int dim)
        {
            var options = new List<(string, string)>();
            string storage = choices.Of("Float32", "Float32", "Float16", "BFloat16");
            bool isLatent = choices.Chance(10);
            int valueDim = isLatent ? choices.Of([.. Dims.Append(128).Where(value => value <= dim)]) : choices.Chance(25)
                ? choices.Of(Dims) : dim;
            Add(storage != "Float32", "Storage", $"ElementType.{storage}");
            Add(isLatent, "LatentCache", "true");
            Add(isLatent || valueDim != dim, "ValueDim", valueDim.ToString(CultureInfo.InvariantCulture));
            string cache = isLatent
                ? choices.Of("", "Float16", "BFloat16", valueDim % 128 == 0 && dim % 2 == 0 ? "Float8E4M3" : "")
                : choices.Of(
                    "", "", "", "Float16", "BFloat16", "Int8", "Float8E4M3", dim % 16 == 0 && valueDim % 16 == 0 ? "Int4" : "Int8");
            Add(cache.Length > 0, "CacheStorage", $"ElementType.{cache}");
            Add(choices.Chance(40), "Layout", "KvLayout.Nhd");
            Add(choices.Chance(50), "PageSize", choices.Of("1", "5", "8", "16", "64", "100", "256"));
            Add(choices.Chance(50), "Mask", choices.Of("AttentionMask.Causal", "AttentionMask.Causal", "AttentionMask.PrefixCausal"));
            Add(choices.Chance(25), "WindowLeft", choices.Number(0, 90).ToString(CultureInfo.InvariantCulture));
            Add(choices.Chance(15), "WindowRight", choices.Number(0, 30).ToString(CultureInfo.InvariantCulture));
            Add(choices.Chance(25), "Softcap", choices.Of("1", "30", "50"));
            Add(choices.Chance(25), "Alibi", "true");
            Add(choices.Chance(25), "Sinks", "true");
            Add(choices.Chance(20), "Documents", "true");
            Add(choices.Chance(20), "KeyPadding", "true");
            Add(choices.Chance(20), "Bias", "true");
            Add(choices.Chance(10), "Deterministic", "true");

            // Of a latent row what is after the value can turn, of another all that is even in number.
            int rotary = isLatent ? (dim - valueDim) / 2 * 2 : dim % 2 == 0 ? dim : 0;
            bool hasRope = choices.Chance(20) && rotary > 0;
            Add(hasRope, "Rope", choices.Of("RopeStyle.HalfSplit", "RopeStyle.Interleaved"));
            Add(
                hasRope && rotary > 2 && choices.Chance(50), "RotaryDim", (2 * choices.Number(1, Math.Max(1, (rotary / 2) - 1)))
                    .ToString(CultureInfo.InvariantCulture));
            Add(choices.Chance(20) || isLatent, "Scale", choices.Of("0.5", "0.0625"));

            // Wide tiles of a size that is asked for may not fit into the local memory that every device has.
            Add(choices.Chance(20) && dim <= 96, "QueryTile", choices.Of("4", "8", "16"));
            Add(choices.Chance(20) && dim <= 96, "KeyTile", choices.Of("8", "16"));
            return options;

            void Add(bool wanted, string name, string value)
            {
                if (wanted)
                {
                    options.Add((name, value));
                }
            }
        }

        /// <summary>A prompt, a chunk, single tokens with few and many keys, nothing at all, and more queries than keys.</summary>
        private static (int, int) Length(Choices choices)
        {
            switch (choices.Number(0, 6))
            {
                case 0:
                    int tokens = choices.Number(1, 150);
                    return (tokens, tokens);
                case 1:
                    return (choices.Number(1, 60), choices.Number(60, 200));
                case 2:
                    return (1, choices.Number(1, 60));
                case 3:
                    return (choices.Number(1, 3), choices.Number(500, 1500));
                case 4:
                    return (choices.Number(0, 4), choices.Number(0, 1));
                default:
                    return (choices.Number(1, 40), choices.Number(1, 40));
            }
        }
    }
}
