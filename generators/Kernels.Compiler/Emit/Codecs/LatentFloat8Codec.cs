using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Codecs;

/// <summary>The rows of <see cref="LatentFloat8Row"/>: what is loaded of them has been multiplied with its scale.</summary>
internal sealed class LatentFloat8Codec(AttentionSpec spec) : Codec
{
    public override string StorageType => "uchar";

    public override string DisplayName => $"float8 (e4m3) with a scale for each {LatentFloat8Row.GroupSize} elements of a value"
        + (HasTail ? ", the elements after it in bfloat16" : "");

    /// <summary>Whether there are elements after those of the value.</summary>
    private bool HasTail => spec.HeadDim > spec.ResolvedValueDim;

    public override Holes Holes => new()
    {
        { "has_tail", HasTail },
        { "scale_group", LatentFloat8Row.GroupSize },
        { "scales_at", LatentFloat8Row.ScalesAt(spec.ResolvedValueDim) },
        { "tail_at", LatentFloat8Row.TailAt(spec.ResolvedValueDim) },
        { "row_bytes", LatentFloat8Row.Bytes(spec.HeadDim, spec.ResolvedValueDim) },
    };

    public override string Constants => "Codecs/latent_float8#constants";

    public override string RowLength(string dim) => "ROW_BYTES";

    public override string LoadFunction(int width) => width switch
    {
        1 => "Codecs/latent_float8#load",
        16 => "Codecs/latent_float8#load_16",
        _ => "Codecs/latent_float8#load_vector",
    };

    public override string StoreRowFunction => "Codecs/latent_float8#store_row";

    public override string Load(string row, string element, int width) => $"load_latent{Vector(width)}({row}, {element})";
}
