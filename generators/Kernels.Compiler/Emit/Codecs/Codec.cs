using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Codecs;

/// <summary>
/// How an element type lies in memory: its C type, expressions that load it as float32, and the templates of functions that these call.
/// </summary>
internal abstract class Codec
{
    /// <summary>How the elements of a spec's cache lie in memory.</summary>
    public static Codec ForCache(AttentionSpec spec) =>
        spec.CacheScale == CacheScale.PerGroup ? new LatentFloat8Codec(spec) : For(spec.ResolvedCacheStorage);

    private static Codec For(ElementType type) => type switch
    {
        ElementType.Int8 => new Int8Codec(),
        ElementType.Int4 => new Int4Codec(),
        ElementType.Float8E4M3 => new Float8E4M3Codec(),
        _ => PlainCodec.For(type),
    };

    /// <summary>The type in OpenCL C of what memory is made of: one element, or several where one takes less than a byte.</summary>
    public abstract string StorageType { get; }

    /// <summary>What the type is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>What the scales belong to that loaded elements are still to be multiplied with.</summary>
    public virtual CacheScale Scale => CacheScale.None;

    /// <summary>What the codec's templates speak of as <c>${codec.name}</c>.</summary>
    public virtual Holes Holes => [];

    /// <summary>The template of constants that rows are found and loaded by, or nothing.</summary>
    public virtual string Constants => "";

    /// <summary>Elements that an item of <see cref="StorageType"/> has.</summary>
    public virtual int ElementsInItem => 1;

    /// <summary>Whether elements lie in memory as they are calculated with, as float32.</summary>
    public virtual bool NeedsNoConversion => false;

    /// <summary>Whether elements can be as large as a float32 can.</summary>
    public virtual bool HasFloat32Range => false;

    /// <summary>Expression: items of <see cref="StorageType"/> in a row of <paramref name="dim"/> elements.</summary>
    public virtual string RowLength(string dim) => dim;

    /// <summary>The type's pieces; null where a row's elements are not all alike.</summary>
    public virtual Piece? Piece => null;

    /// <summary>
    /// The template of a function that <see cref="Load"/> calls for this width, which is the template's hole <c>width</c>; or nothing.
    /// </summary>
    public virtual string LoadFunction(int width) => "";

    /// <summary>
    /// <paramref name="width"/> elements of a row from <paramref name="element"/> on, as a float vector (width 1: a float), without their
    /// scale.
    /// </summary>
    /// <param name="row">Expression: pointer to the row's first item.</param>
    /// <param name="element">Expression: index of the first element; a multiple of the width.</param>
    /// <param name="width">1, or the width of an OpenCL vector.</param>
    public abstract string Load(string row, string element, int width);

    /// <summary>
    /// The template of functions that store a whole row of new keys or values with its scale, or nothing: elements are stored alone.
    /// </summary>
    public virtual string StoreRowFunction => "";

    /// <summary>The template of a function that <see cref="Store"/> calls, or nothing.</summary>
    public virtual string StoreFunction => "";

    /// <summary>
    /// A statement that stores the float expression <paramref name="value"/> at <paramref name="pointer"/>, rounding to nearest even.
    /// </summary>
    public virtual string Store(string pointer, string value) =>
        throw new NotSupportedException($"Elements of {DisplayName} are not stored alone.");

    /// <summary>
    /// The template of a function <c>expand</c> that makes 16-bit elements of a register's, for tensor cores, or nothing.
    /// </summary>
    public virtual string ExpandFunction => "";

    protected static string Vector(int width) => width == 1 ? "" : C.Int(width);
}
