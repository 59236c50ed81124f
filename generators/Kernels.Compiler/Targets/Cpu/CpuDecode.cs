using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Cpu;

/// <summary>Few query rows on a CPU, bound by reading keys and values, in vectors along their elements.</summary>
internal sealed class CpuDecode(KernelContext context) : CpuFlash(context)
{
    // The least that an operating system maps at a time; a processor's prefetcher stops at its end.
    private const int MemoryPageBytes = 4096;

    // What a hint asks for.
    private const int LineBytes = 64;

    public override string Template => "Cpu/decode";

    public override TilePlan Tile => Context.Plan.Decode;

    public override bool CallsRowFunctions => false;

    public override bool MakesRows => false;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "heads", Tile.KvHeads },
        { "rows", Rows },
        { "vector_keys", VectorKeys },
        { "key_vectors", KeyVectors },
        { "value_vectors", ValueVectors },
        { "whole_key_vectors", Spec.HeadDim < 16 ? "" : C.Int(Spec.HeadDim / 16) },
        { "key_vectors_before_rest", Spec.HeadDim / 16 },
        { "key_rest", Rest(Spec.HeadDim) },
        { "key_end", End(Spec.HeadDim) },
        { "value_rest", Rest(Spec.ResolvedValueDim) },
        { "value_end", End(Spec.ResolvedValueDim) },
        { "each_key", text => string.Join(" ", Enumerable.Range(0, VectorKeys).Select(i => text[0].Replace("#", C.Int(i)))) },
        {
            "each_lane",
            text => string.Join(", ", Enumerable.Range(0, CpuPlanner.Lanes).Select(i => text[0].Replace("#", C.Int(i % VectorKeys))))
        },

        // The i-th of the sums that become the lanes of a vector of scores, which are [row][key].
        { "sum", i => $"s{int.Parse(i[0]) / VectorKeys}_{int.Parse(i[0]) % VectorKeys}" },
        { "steps_over_keys", new[] { 8, 4, 2, 1 }.Where(step => step < VectorKeys) },

        // The kernel needs the number of a tile's head only to find rows, for a mask mod's classes, and where its rows ask about it.
        {
            "asks_kv_head",
            RowsOfMemoryPage > 0 || Spec.MaskMod is not null || Context.Rules.AsksHead
        },
        { "touches_pages", RowsOfMemoryPage > 0 },
        { "rows_of_memory_page", RowsOfMemoryPage },

        // Far enough ahead for a translation of an address that no cache has: a walk through tables in memory.
        { "keys_until_touched", HasHeads ? 64 : 128 },

        // Keys whose scales are in one line; 1 where other heads' lie between them: then a hint at the first head's is one at theirs, too.
        { "scales_of_line", Spec.Layout == KvLayout.Nhd ? 1 : LineBytes / sizeof(float) },
        { "scales_of_heads_are_adjacent", HasHeads && Spec.Layout == KvLayout.Nhd },
        { "value_begins_line", ValueBeginsLine },
        { "blocks", Blocks },
    };

    private int Rows => Tile.Rows;

    /// <summary>Whether a work-item has several KV heads: what a row of the tile has, each of them has.</summary>
    private bool HasHeads => Tile.KvHeads > 1;

    /// <summary>Keys of a score vector.</summary>
    private int VectorKeys => CpuPlanner.Lanes / Rows;

    /// <summary>Vectors of 16 elements in a line of the processor's caches.</summary>
    private int LineVectors => 8 * LineBytes / (16 * Spec.ResolvedCacheStorage.BitsPerElement());

    private int KeyVectors => (Spec.HeadDim + 15) / 16;

    private int ValueVectors => (Spec.ResolvedValueDim + 15) / 16;

    /// <summary>
    /// Rows of a head one after the other in a page of the cache and of memory; 0 where rows follow each other for longer, or never.
    /// </summary>
    private int RowsOfMemoryPage => Spec.PageSize == 0 || Spec.Layout == KvLayout.Nhd
        ? 0
        : Math.Max(1, Math.Min(8 * MemoryPageBytes / (Spec.HeadDim * Spec.ResolvedCacheStorage.BitsPerElement()), Spec.PageSize));

    /// <summary>
    /// Expression: whether a line begins in vector <c>d</c> of a value, and there is such a vector; empty where that is so for each
    /// vector of a key.
    /// </summary>
    private string ValueBeginsLine => string.Join(" && ", new[]
    {
        LineVectors > 1 ? $"d % {LineVectors} == 0" : "",
        ValueVectors < KeyVectors ? "d < VALUE_VECTORS" : "",
    }.Where(condition => condition.Length > 0));

    /// <summary>The vectors of a value, in blocks of as many as have sums in registers for all rows: 16 vectors of sums fit.</summary>
    private IEnumerable<Holes> Blocks
    {
        get
        {
            int most = Math.Min(ValueVectors, 16 / Rows);
            for (int first = 0; first < ValueVectors; first += most)
            {
                int[] vectors = [.. Enumerable.Range(first, Math.Min(most, ValueVectors - first))];
                yield return new()
                {
                    { "has_hints", vectors.Any(vector => NextKeyElements(vector).Any()) },
                    { "vectors", vectors.Select(vector => Vector(vector - first, vector)) },
                };
            }
        }
    }

    /// <summary>A vector of a value, and its share of the next key.</summary>
    private Holes Vector(int number, int ofValue) => new()
    {
        { "number", number },
        { "of_value", ofValue },
        { "element", 16 * ofValue },
        { "is_whole", ofValue < Spec.ResolvedValueDim / 16 },
        { "next_key_elements", NextKeyElements(ofValue) },
    };

    /// <summary>The elements of the next key at which lines begin, of those that a vector of a value has the share of.</summary>
    private IEnumerable<int> NextKeyElements(int ofValue)
    {
        int first = ofValue * KeyVectors / ValueVectors, end = (ofValue + 1) * KeyVectors / ValueVectors;
        return Enumerable.Range(first, end - first).Where(vector => vector % LineVectors == 0).Select(vector => 16 * vector);
    }

    /// <summary>How many elements of a row are in no whole vector, or nothing.</summary>
    private static string Rest(int dim) => dim % 16 == 0 ? "" : C.Int(dim % 16);

    /// <summary>Expression: the elements of a row that are in no whole vector, then zeros.</summary>
    private string End(int dim) => string.Join(
        ", ", Enumerable.Range(0, 16).Select(i => i < dim % 16 ? Context.Cache.Load("row", C.Int(dim / 16 * 16 + i), 1) : "0.0f"));
}
