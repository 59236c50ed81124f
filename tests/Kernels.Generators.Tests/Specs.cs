namespace Kernels.Generators.Tests;

/// <summary>Specs that differ in all that the generator looks at, by name.</summary>
internal static class Specs
{
    /// <summary>The type's full name as reflection writes it, and its source.</summary>
    public sealed record Spec(string TypeName, string Source)
    {
        /// <summary>How the type is written in code.</summary>
        public string CodeName => TypeName.Replace('+', '.');
    }

    public static readonly IReadOnlyDictionary<string, Spec> All = new Dictionary<string, Spec>
    {
        ["MhaFloat32"] = new("Models.MhaFloat32", """
            using Kernels;

            namespace Models;

            /// <summary>Multi-head attention with every default.</summary>
            [AttentionKernel(8, 8, 64)]
            public sealed partial class MhaFloat32;
            """),
        ["GqaFloat16Causal"] = new("Models.GqaFloat16Causal", """
            using Kernels;

            namespace Models;

            /// <summary>The heads of an 8 B Llama.</summary>
            [AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
            public sealed partial class GqaFloat16Causal;
            """),
        ["MqaBFloat16Odd"] = new("Models.MqaBFloat16Odd", """
            using Kernels;

            namespace Models;

            /// <summary>A head dimension that no vector divides.</summary>
            [AttentionKernel(7, 1, 59, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
            public sealed partial class MqaBFloat16Odd;
            """),
        ["WideKeysNarrowValues"] = new("Models.WideKeysNarrowValues", """
            namespace Models
            {
                /// <summary>d_qk and d_v differ, as in expanded latent attention.</summary>
                [Kernels.AttentionKernel(16, 16, 192, ValueDim = 128, Scale = 0.0625, Mask = Kernels.AttentionMask.Causal)]
                internal partial class WideKeysNarrowValues
                {
                }
            }
            """),
        ["NhdHalfCache"] = new("Models.NhdHalfCache", """
            using Kernels;

            namespace Models;

            /// <summary>A cache in token order and in fewer bits than what is put into it.</summary>
            [AttentionKernel(8, 2, 80, Layout = KvLayout.Nhd, CacheStorage = ElementType.Float16)]
            public sealed partial class NhdHalfCache;
            """),
        ["WindowAndSoftcap"] = new("Models.WindowAndSoftcap", """
            using Kernels;

            namespace Models;

            /// <summary>A local layer of Gemma-2.</summary>
            [AttentionKernel(8, 4, 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, Storage = ElementType.BFloat16)]
            public sealed partial class WindowAndSoftcap;
            """),
        ["PagedInt8AlibiSinks"] = new("Models.PagedInt8AlibiSinks", """
            using Kernels;

            namespace Models;

            /// <summary>Pages, scales, slopes and sinks.</summary>
            [AttentionKernel(12, 4, 64, ValueDim = 32, PageSize = 16, Storage = ElementType.Float16, CacheStorage = ElementType.Int8,
                WindowRight = 0, Alibi = true, Sinks = true)]
            public sealed partial class PagedInt8AlibiSinks;
            """),
        ["DocumentsPaddingBias"] = new("Models.DocumentsPaddingBias", """
            using Kernels;

            namespace Models;

            /// <summary>All that a launch can give about single keys and scores.</summary>
            [AttentionKernel(16, 4, 64, Mask = AttentionMask.Causal, Storage = ElementType.Float16, Documents = true, KeyPadding = true, Bias = true)]
            public sealed partial class DocumentsPaddingBias;
            """),
        ["RopeFloat16"] = new("Models.RopeFloat16", """
            using Kernels;

            namespace Models;

            /// <summary>Heads of which a part turns.</summary>
            [AttentionKernel(8, 2, 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16, Rope = RopeStyle.HalfSplit, RotaryDim = 64)]
            public sealed partial class RopeFloat16;
            """),
        ["LatentBFloat16"] = new("Models.LatentBFloat16", """
            using Kernels;

            namespace Models;

            /// <summary>DeepSeek's attention after absorption: a rank of 512 and 64 elements that turn.</summary>
            [AttentionKernel(128, 1, 576, ValueDim = 512, LatentCache = true, Scale = 0.07216878, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16,
                Rope = RopeStyle.Interleaved, PageSize = 64, Deterministic = true)]
            public sealed partial class LatentBFloat16;
            """),
        ["LatentFloat8"] = new("Models.LatentFloat8", """
            using Kernels;

            namespace Models;

            /// <summary>DeepSeek's fp8 cache, 656 bytes a token.</summary>
            [AttentionKernel(128, 1, 576, ValueDim = 512, LatentCache = true, Scale = 0.07216878, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16,
                Rope = RopeStyle.Interleaved, PageSize = 64, CacheStorage = ElementType.Float8E4M3)]
            public sealed partial class LatentFloat8;
            """),
        ["RopeInt8"] = new("Models.RopeInt8", """
            using Kernels;

            namespace Models;

            /// <summary>Keys that turn before they are quantised.</summary>
            [AttentionKernel(8, 2, 64, Mask = AttentionMask.Causal, CacheStorage = ElementType.Int8, Rope = RopeStyle.Interleaved)]
            public sealed partial class RopeInt8;
            """),
        ["PagedNhdInt4"] = new("Models.PagedNhdInt4", """
            using Kernels;

            namespace Models;

            /// <summary>Half bytes, in token order.</summary>
            [AttentionKernel(8, 2, 64, Mask = AttentionMask.PrefixCausal, PageSize = 8, Layout = KvLayout.Nhd, CacheStorage = ElementType.Int4)]
            public sealed partial class PagedNhdInt4;
            """),
        ["NestedWithTiles"] = new("Outer+Middle+NestedWithTiles", """
            using Kernels;

            /// <summary>Types around a spec.</summary>
            public static partial class Outer
            {
                /// <summary>One more.</summary>
                public partial record struct Middle(int Number)
                {
                    /// <summary>In the global namespace, inside others, with tiles of its own.</summary>
                    [AttentionKernel(12, 4, 96, QueryTile = 16, KeyTile = 32, Mask = AttentionMask.Causal)]
                    public sealed partial class NestedWithTiles;
                }
            }
            """),
        ["ModsWithInputs"] = new("Models.ModsWithInputs", """
            using System;
            using Kernels;

            namespace Models;

            /// <summary>Mods with every kind of input, one of them shared.</summary>
            [AttentionKernel(8, 2, 64, PageSize = 16, Sinks = true)]
            public sealed partial class ModsWithInputs
            {
                [ScoreMod]
                private static float Sloped(float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes, float cap, int window) =>
                    Math.Abs(query - key) < window ? Math.Clamp(score, -cap, cap) : score - slopes[head] * Distance(query, key);

                [MaskMod]
                private static bool Visible(int batch, int head, int query, int key, int window, ReadOnlySpan<int> documents) =>
                    documents[query] == documents[key] && Distance(query, key) < 4 * window;

                private static int Distance(int query, int key) => Math.Abs(query - key);
            }
            """),
    };

    /// <summary>The names, for a theory.</summary>
    public static TheoryData<string> Names => [.. All.Keys];
}
