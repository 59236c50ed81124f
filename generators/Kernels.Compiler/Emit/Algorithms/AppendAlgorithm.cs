using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Writes new keys and values into their slots of the cache; bit for bit when the cache has their type.</summary>
internal static class AppendAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        bool converts = spec.Storage != spec.ResolvedCacheStorage;

        // half can be loaded only with conversion, so a plain copy moves its bits as an integer.
        string source = converts || spec.Storage == ElementType.Float32 ? context.Storage.StorageType : "ushort";
        string cache = converts || spec.Storage == ElementType.Float32 ? context.Cache.StorageType : "ushort";
        string Move(string to, string from) => converts
            ? context.Cache.Store(to, context.Storage.Load(from, 1))
            : $"*({to}) = *({from});";

        Prelude.Header(writer, context, "append of new keys and values to the cache");
        Prelude.HeadConstants(writer, spec);
        writer.Line();
        if (converts)
        {
            Prelude.Helpers(writer, context.Cache);
        }

        writer.Add($$"""
            kernel __attribute__((reqd_work_group_size({{context.Plan.AppendWorkGroupSize}}, 1, 1)))
            void kv_append(
                global const {{source}}* restrict new_keys, // [tokens, KV_HEADS, HEAD_DIM]
                global const {{source}}* restrict new_values, // [tokens, KV_HEADS, VALUE_DIM]
                global {{cache}}* restrict keys,
                global {{cache}}* restrict values,
                global const int* restrict plan,
                int slots_at, // where the tokens' slots begin in the plan; a negative slot is skipped
                {{context.Addressing.Parameters}})
            {
                const int token = get_group_id(0);
                const int kv_head = get_group_id(1);
                const int slot = plan[slots_at + token];
                if (slot < 0)
                {
                    return;
                }

                const long new_row = (long)token * KV_HEADS + kv_head;
                const long key_row = {{context.Addressing.RowOfSlot("slot", "HEAD_DIM")}};
                for (int d = get_local_id(0); d < HEAD_DIM; d += {{context.Plan.AppendWorkGroupSize}})
                {
                    {{Move("keys + key_row + d", "new_keys + new_row * HEAD_DIM + d")}}
                }

                const long value_row = {{context.Addressing.RowOfSlot("slot", "VALUE_DIM")}};
                for (int d = get_local_id(0); d < VALUE_DIM; d += {{context.Plan.AppendWorkGroupSize}})
                {
                    {{Move("values + value_row + d", "new_values + new_row * VALUE_DIM + d")}}
                }
            }
            """);
    }
}
