namespace Kernels.OpenCL;

/// <summary>
/// What a launch is given beside queries and cache, for code that is generic over attention types; a generated type has an <c>Inputs</c> of
/// its own, with only those that its spec has, which converts to this. Launches keep nothing of it: those that differ in it can be made
/// side
/// by side, from one attention object.
/// </summary>
/// <remarks>
/// What the spec has must be given, or the launch throws an <see cref="InvalidOperationException"/>; what it has not must not, or it throws
/// an <see cref="ArgumentException"/>. Both name the input, and nothing has been launched then. Appending needs <see cref="Rope"/> only,
/// merging <see cref="Sinks"/>; the others may be there.
/// </remarks>
public readonly record struct AttentionInputs
{
    /// <summary>The learned logit of each query head, [H_q], of a spec with sinks. Layers differ in theirs.</summary>
    public DeviceBuffer<float>? Sinks { get; init; }

    /// <summary>
    /// The document of each key, of a spec whose documents are apart: [keys of all requests of the step], packed request after request.
    /// </summary>
    public DeviceBuffer<int>? Documents { get; init; }

    /// <summary>Which keys can be seen, of a spec with a mask on keys.</summary>
    public KeyMask? KeyPadding { get; init; }

    /// <summary>What is added to scores, of a spec with a bias.</summary>
    public AttentionBias? Bias { get; init; }

    /// <summary>
    /// The angles of a spec with rope: a <see cref="RopeTable"/> of the spec's rotary dimension on the device, with as many positions as
    /// the longest sequence of a step has keys, or more.
    /// </summary>
    public DeviceRopeTable? Rope { get; init; }

    /// <summary>The run-time inputs of the spec's mods: an <c>Inputs</c> of the generated type.</summary>
    public IModInputs? Mods { get; init; }

    /// <summary>
    /// What the spec's mask mod makes of the tiles of the step: those that it hides are left out. null: the mod is asked about every key.
    /// </summary>
    public BlockMask? BlockMask { get; init; }

    /// <summary>The inputs of options, in the order in which they are checked.</summary>
    internal static readonly LaunchInput[] OfOptions =
        [new SinksInput(), new DocumentsInput(), new KeyMask.Input(), new AttentionBias.Input(), new DeviceRopeTable.Input()];
}
