namespace Kernels.Decoding;

/// <summary>The tensors of a checkpoint, whichever kind of file they are in, by the names that Hugging Face gives them.</summary>
/// <remarks>Reading is thread-safe.</remarks>
internal abstract class TensorSource : IDisposable
{
    /// <summary>The file or folder that was opened.</summary>
    public abstract string Path { get; }

    /// <summary>The names of all tensors, in no order.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>
    /// The type that most elements of its matrices have, of the three that attention may have; null if there are none. Weights in
    /// groups do not count, what is beside them does.
    /// </summary>
    public ElementType? WeightType => Names.Select(Info).Where(info => info.Shape.Length > 1)
        .Select(info => (Type: DecoderWeights.ElementTypeOf(info.Type), info.Length)).Where(matrix => matrix.Type is not null)
        .GroupBy(matrix => matrix.Type).MaxBy(group => group.Sum(matrix => matrix.Length))?.Key;

    /// <summary>Whether the checkpoint has a tensor of this name.</summary>
    public abstract bool Contains(string name);

    /// <summary>The type and shape of a tensor.</summary>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    public abstract TensorInfo Info(string name);

    /// <summary>The tensor's elements as float32, whichever type of weights it is stored in.</summary>
    /// <exception cref="CheckpointException">There is no such tensor, or it is not of a type that weights may have.</exception>
    public abstract float[] ReadFloats(string name);

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Where the bytes of a tensor lie.</summary>
    internal abstract unsafe byte* Address(string name);

    /// <summary>The rows of a tensor of so many columns, in the form in which they are computed from.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="columns">Columns; the innermost extent.</param>
    /// <param name="quantization">How the checkpoint was quantised; null if its configuration does not say.</param>
    /// <exception cref="CheckpointException">The tensor is not of a type that weights may have.</exception>
    internal abstract WeightRows Rows(string name, int columns, QuantizationConfig? quantization);

    /// <summary>Asks the operating system to read a tensor that will be needed soon.</summary>
    internal abstract void ReadAhead(string name);

    /// <summary>Unmaps the files.</summary>
    protected abstract void Dispose(bool disposing);
}
