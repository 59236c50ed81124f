using System.Globalization;

namespace Kernels.OpenCL;

/// <summary>
/// A tensor of attention has a NaN or an infinity, which <see cref="ComputeDeviceOptions.CheckNumbers"/> found. Where it is one that
/// attention
/// takes, nothing has been launched.
/// </summary>
public sealed class NotFiniteException : InvalidOperationException
{
    internal NotFiniteException(
        string attention, AttentionShape shape, AttentionTensor tensor, int layer, long elements, long count, long first, float value)
        : this(attention, shape, tensor, layer, elements, count, first, value, Heads(shape, tensor), Dim(shape, tensor))
    {
    }

    private NotFiniteException(
        string attention, AttentionShape shape, AttentionTensor tensor, int layer,
        long elements, long count, long first, float value, int heads, int dim)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"{attention}, layer {layer}: {count} of {elements} elements of the {Name(tensor)} {(count == 1 ? "is" : "are")} not finite; "
            + $"the first is {value}, of token {first / dim / heads}, head {first / dim % heads}, element {first % dim}. "
            + $"{Cause(shape, tensor)}"))
    {
        Attention = attention;
        Tensor = tensor;
        Layer = layer;
        Count = count;
        Token = first / dim / heads;
        Head = (int)(first / dim % heads);
        Element = (int)(first % dim);
        Value = value;
    }

    /// <summary>The attention type.</summary>
    public string Attention { get; }

    /// <summary>Which tensor.</summary>
    public AttentionTensor Tensor { get; }

    /// <summary>The layer of the cache.</summary>
    public int Layer { get; }

    /// <summary>Elements that are NaN or infinite.</summary>
    public long Count { get; }

    /// <summary>The token of the first of them, counted over all requests of the step.</summary>
    public long Token { get; }

    /// <summary>Its head.</summary>
    public int Head { get; }

    /// <summary>Its place in the head.</summary>
    public int Element { get; }

    /// <summary>What it is: NaN or an infinity.</summary>
    public float Value { get; }

    private static int Heads(AttentionShape shape, AttentionTensor tensor) =>
        tensor is AttentionTensor.Queries or AttentionTensor.Outputs ? shape.QueryHeads : shape.KvHeads;

    private static int Dim(AttentionShape shape, AttentionTensor tensor) =>
        tensor is AttentionTensor.Queries or AttentionTensor.Keys ? shape.HeadDim : shape.ValueDim;

    private static string Name(AttentionTensor tensor) => tensor switch
    {
        AttentionTensor.Queries => "queries",
        AttentionTensor.Keys => "new keys",
        AttentionTensor.Values => "new values",
        _ => "outputs",
    };

    private static string Cause(AttentionShape shape, AttentionTensor tensor)
    {
        const string half = "In Float16 numbers beyond 65504 become infinite when they are converted";
        if (tensor != AttentionTensor.Outputs)
        {
            return shape.Storage == ElementType.Float16
                ? $"{half}: use Storage = ElementType.BFloat16, which has float32's range."
                : $"{shape.Storage} has float32's range: they were not finite, or beyond 3.4e38, where they come from.";
        }

        return "The queries are finite: a key or value in the cache is not, or an input of the launch, "
            + "or a product of query and key is beyond 3.4e38."
            + (shape.CacheStorage == ElementType.Float16
                ? $" {half}, keys also when rope has turned them: ElementType.BFloat16 has float32's range."
                : "");
    }
}
