using System.Runtime.CompilerServices;
using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// Launches the kernels of a spec on a device. Generated types hold one and give its methods their types and
/// documentation. Programs are built when a call first needs them. Safe to use from several threads.
/// </summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
/// <typeparam name="TElement">The host type of the spec's storage.</typeparam>
public sealed partial class AttentionLauncher<TSpec, TElement> : IDisposable
    where TElement : unmanaged
{
    private const int Algorithms = 6;

    private readonly AttentionDescriptor descriptor;
    private readonly AttentionShape shape;
    private readonly KernelGeometry geometry;
    private readonly TileSelection selection;
    private readonly NumberCheck? numbers;

    // One of each algorithm, then one of each other tile of prefill.
    private readonly ComputeKernel?[] kernels;

    // What each of them is given.
    private readonly KernelArguments[] signatures;

    // clSetKernelArg is not thread-safe on one kernel, so arguments and launch belong together.
    private readonly Lock launching = new();
    private bool disposed;

    /// <summary>Prepares a spec's kernels for a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="descriptor">The spec.</param>
    /// <param name="target">The target whose kernels to run; null picks by the device's capabilities.</param>
    /// <exception cref="DeviceLimitException">The device has less local memory, or smaller work-groups, than the kernels take.</exception>
    public AttentionLauncher(ComputeDevice device, AttentionDescriptor descriptor, KernelTarget? target = null)
        : this(device, descriptor, target, variant: null)
    {
    }

    /// <summary>As the other; <paramref name="variant"/> is the prefill tile to run; null leaves it to the device's options.</summary>
    internal AttentionLauncher(ComputeDevice device, AttentionDescriptor descriptor, KernelTarget? target, int? variant)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(descriptor);
        if (HostElement.Of<TElement>() != descriptor.Shape.Storage)
        {
            throw new ArgumentException(
                $"{descriptor.Name} stores {descriptor.Shape.Storage}; {typeof(TElement).Name} is not its host type.");
        }

        Device = device;
        this.descriptor = descriptor;
        shape = descriptor.Shape;

        // Tiles are timed without it.
        numbers = variant is null ? device.Numbers : null;
        (Target, TargetReason) = target is { } asked ? (asked, "asked for") : TargetSelection.Pick(device, descriptor.Targets);
        geometry = descriptor.Geometry(Target);
        kernels = new ComputeKernel?[Algorithms + geometry.PrefillVariants.Count];
        signatures =
        [
            .. Enum.GetValues<KernelAlgorithm>().Select(algorithm => Signature(
                algorithm,
                algorithm == KernelAlgorithm.Prefill ? geometry.Prefill : algorithm == KernelAlgorithm.Decode ? geometry.Decode : null)),
            .. geometry.PrefillVariants.Select(tile => Signature(KernelAlgorithm.Prefill, tile)),
        ];
        selection = variant is { } asking
            ? new(LaunchTiles.Of(geometry, TileChoice.Of(geometry, asking, TileChoiceReason.Asked)))
            : device.Tuning.Select<TSpec, TElement>(descriptor, Target, geometry);
        CheckLimits(Tuning.Tile);
        CheckLimits(geometry.Decode);
        ownPlan = CreatePlan();
    }

    /// <summary>The device that the kernels run on.</summary>
    public ComputeDevice Device { get; }

    /// <summary>The target whose kernels run.</summary>
    public KernelTarget Target { get; }

    /// <summary>Why these are the kernels that run, such as what the driver said to those of a newer target.</summary>
    public string TargetReason { get; }

    /// <summary>
    /// Which of the emitted prefill tiles plans are built for, and why. The first plan with a prompt of 256 tokens or more may change it.
    /// </summary>
    public TileChoice Tuning => selection.Current.Choice;

    /// <summary>Classifies the tiles of a step by the spec's mask mod and the inputs of its launches; enqueues and returns.</summary>
    /// <exception cref="InvalidOperationException">The spec has no mask mod, or an input is not there.</exception>
    /// <exception cref="ArgumentException">
    /// The plan has not been built, or for kernels of another target or device, or an input is too small or none of the spec's.
    /// </exception>
    public BlockMask<TSpec> CreateBlockMask(AttentionPlan<TSpec> plan, AttentionInputs inputs = default)
    {
        ThrowIfDisposed();
        if (descriptor.BlockMaskHeads == 0)
        {
            throw new InvalidOperationException($"{descriptor.Name} has no mask mod.");
        }

        var mask = new BlockMask<TSpec>(Device, descriptor, CheckClassifiable, Classify);
        try
        {
            mask.Build(plan, inputs);
            return mask;
        }
        catch
        {
            mask.Dispose();
            throw;
        }
    }

    /// <summary>A cache for this spec.</summary>
    /// <exception cref="InvalidOperationException">The spec has a page size: its cache is paged.</exception>
    public KvCache<TSpec> CreateCache(int sequences, int capacity, int layers)
    {
        ThrowIfDisposed();
        return shape.PageSize == 0
            ? new(Device, shape, sequences, capacity, layers)
            : throw new InvalidOperationException($"{descriptor.Name} has pages of {shape.PageSize} tokens: create a paged cache.");
    }

    /// <summary>A paged cache for this spec.</summary>
    /// <exception cref="InvalidOperationException">The spec has no page size: its cache is contiguous.</exception>
    public PagedKvCache<TSpec> CreatePagedCache(int pages, int layers)
    {
        ThrowIfDisposed();
        return shape.PageSize > 0
            ? new(Device, shape, pages, layers)
            : throw new InvalidOperationException($"{descriptor.Name} has no page size: create a contiguous cache.");
    }

    /// <summary>A plan for this spec's steps.</summary>
    public AttentionPlan<TSpec> CreatePlan()
    {
        ThrowIfDisposed();
        return new(Device, descriptor, Target, selection);
    }

    /// <summary>
    /// Enqueues the write of a step's new keys and values into a layer of the cache; does not wait. A step that is appended again writes
    /// its tokens again.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Tokens before these have not been appended to the layer, a sequence is not what it was when the plan was built, or the angles of a
    /// spec with rope were not given; nothing has been launched.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The plan was built for another cache, a buffer or the angles are too small, or the spec has no such input; nothing has been
    /// launched.
    /// </exception>
    public ComputeEvent EnqueueAppend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer,
        DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values, AttentionInputs inputs = default) =>
        Append(plan, cache, layer, keys, values, inputs, wantsEvent: true) ?? Device.Queue.EnqueueMarker();

    /// <summary>As <see cref="EnqueueAppend"/>, without an event: the cheapest way, for a step whose end nobody waits for.</summary>
    /// <inheritdoc cref="EnqueueAppend" path="/exception"/>
    public void SubmitAppend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer,
        DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values, AttentionInputs inputs = default) =>
        Append(plan, cache, layer, keys, values, inputs, wantsEvent: false);

    private ComputeEvent? Append(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer,
        DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values, AttentionInputs given, bool wantsEvent)
    {
        Check(plan, cache, layer);
        Expect(keys, (long)plan.Tokens * shape.KvHeads * shape.HeadDim, "tokens × KV heads × head dimension");
        if (!shape.LatentCache)
        {
            Expect(values, (long)plan.Tokens * shape.KvHeads * shape.ValueDim, "tokens × KV heads × value dimension");
        }

        var inputs = new LaunchInputs(descriptor, given);
        inputs.CheckKnown();
        lock (launching)
        {
            plan.ThrowIfStale();
            plan.ThrowIfNotAppendable(layer);
            if (plan.Tokens == 0)
            {
                return null;
            }

            inputs.Check(KernelAlgorithm.Append, plan.Work);
            CheckNumbers(AttentionTensor.Keys, layer, keys, (long)plan.Tokens * shape.KvHeads * shape.HeadDim);
            if (!shape.LatentCache)
            {
                CheckNumbers(AttentionTensor.Values, layer, values, (long)plan.Tokens * shape.KvHeads * shape.ValueDim);
            }

            ComputeKernel kernel = Kernel(
                KernelAlgorithm.Append, new LaunchArguments<TSpec>(inputs, plan, cache, layer) { NewKeys = keys, NewValues = values });
            ComputeEvent? done = Launch(
                kernel, Groups(plan.Tokens, geometry.AppendWorkGroupSize), Local(geometry.AppendWorkGroupSize), wantsEvent);
            plan.Appended(layer);
            return done;
        }
    }

    /// <summary>
    /// Enqueues a step's attention over a layer of the cache; does not wait. The event is that of the step's last kernel.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Keys of the step have not been appended to the layer, a sequence is not what it was when the plan was built, or an input that the
    /// spec has, such as its sinks, was not given; nothing has been launched.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The plan was built for another cache, a buffer or an input is too small for the step, or the spec has no such input; nothing has
    /// been launched.
    /// </exception>
    public ComputeEvent EnqueueAttend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs,
        AttentionInputs inputs = default, DeviceBuffer<float>? lse = null) =>
        Attend(plan, cache, layer, queries, outputs, inputs, lse, wantsEvent: true) ?? Device.Queue.EnqueueMarker();

    /// <summary>As <see cref="EnqueueAttend"/>, without an event: the cheapest way, for a step whose end nobody waits for.</summary>
    /// <inheritdoc cref="EnqueueAttend" path="/exception"/>
    public void SubmitAttend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs,
        AttentionInputs inputs = default, DeviceBuffer<float>? lse = null) =>
        Attend(plan, cache, layer, queries, outputs, inputs, lse, wantsEvent: false);

    private ComputeEvent? Attend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs, AttentionInputs given, DeviceBuffer<float>? lse, bool wantsEvent)
    {
        Check(plan, cache, layer);
        WorkPlan work = plan.Work;
        Expect(queries, (long)plan.Tokens * shape.QueryHeads * shape.HeadDim, "tokens × query heads × head dimension");
        Expect(outputs, (long)plan.Tokens * shape.QueryHeads * shape.ValueDim, "tokens × query heads × value dimension");
        ExpectOther(outputs, queries);
        if (lse is not null)
        {
            Expect(lse, (long)plan.Tokens * shape.QueryHeads, "tokens × query heads");
        }

        var inputs = new LaunchInputs(descriptor, given);
        BlockMask<TSpec>? blockMask = Own(given.BlockMask);
        CheckOwn(given.Mods);
        lock (launching)
        {
            plan.ThrowIfStale();
            plan.ThrowIfNotReadable(layer);
            inputs.Check(KernelAlgorithm.Prefill, work);
            if (blockMask?.TryFit(plan, inputs) == false)
            {
                throw new ArgumentException(
                    "The block mask is of a step of other lengths; build it for this plan, or give none.", nameof(plan));
            }

            CheckNumbers(AttentionTensor.Queries, layer, queries, (long)plan.Tokens * shape.QueryHeads * shape.HeadDim);
            bool decodes = work.DecodeTiles.Count > 0, merges = work.Merges.Count > 0;
            ComputeEvent? done = Flash(
                KernelAlgorithm.Prefill, plan.Tiles.Geometry.Prefill, work.PrefillTiles.Count, work.PrefillAt, blockMask?.Prefill,
                isLast: !decodes && !merges);
            done ??= Flash(
                KernelAlgorithm.Decode, plan.Tiles.Geometry.Decode, work.DecodeTiles.Count, work.DecodeAt, blockMask?.Decode,
                isLast: !merges);
            if (merges)
            {
                ComputeKernel combine = Kernel(KernelAlgorithm.Combine, Arguments());
                done = Launch(
                    combine, Groups(work.Merges.Count, geometry.CombineWorkGroupSize), Local(geometry.CombineWorkGroupSize), wantsEvent);
            }

            CheckNumbers(AttentionTensor.Outputs, layer, outputs, (long)plan.Tokens * shape.QueryHeads * shape.ValueDim);
            return done;
        }

        LaunchArguments<TSpec> Arguments() =>
            new(inputs, plan, cache, layer) { Queries = queries, Outputs = outputs, Lse = lse ?? plan.Lse };

        // Only the last kernel of the step has an event: each costs the host some microseconds.
        ComputeEvent? Flash(KernelAlgorithm algorithm, TileGeometry tile, int items, int workAt, TileClasses? classes, bool isLast)
        {
            if (items == 0)
            {
                return null;
            }

            LaunchArguments<TSpec> arguments = Arguments();
            arguments.WorkAt = workAt;
            arguments.Classes = classes;
            ComputeKernel kernel = Kernel(algorithm, arguments, algorithm == KernelAlgorithm.Prefill ? plan.Tiles.Choice.Variant : 0);
            var range = new NDRange((nuint)(shape.KvHeads / tile.KvHeads * tile.WorkGroupSize), (nuint)items);
            return Launch(kernel, range, Local(tile.WorkGroupSize), isLast && wantsEvent);
        }
    }

    private void CheckNumbers(AttentionTensor tensor, int layer, DeviceBuffer<TElement> data, long elements) =>
        numbers?.Check(descriptor, tensor, layer, data, elements);

    private ComputeEvent? Launch(ComputeKernel kernel, NDRange global, NDRange local, bool wantsEvent)
    {
        if (wantsEvent)
        {
            return Device.Queue.Enqueue(kernel, global, local);
        }

        Device.Queue.Submit(kernel, global, local);
        return null;
    }

    /// <summary>
    /// Enqueues the merge of what launches over different keys gave for the same queries, such as a shared prefix and each
    /// sequence's own keys: a softmax over the LSEs. A state whose LSE is −∞ (or +∞, which other libraries write for a row that saw no
    /// key) counts for nothing whatever its output; a row of such states only becomes 0 with the LSE −∞. One whose
    /// LSE is NaN makes the row NaN. Sinks count once.
    /// </summary>
    /// <param name="states">What is merged.</param>
    /// <param name="outputs">Takes the outputs, [tokens, H_q, d_v]; not the memory of the states'.</param>
    /// <param name="lse">Takes the LSEs, [tokens, H_q]; not the memory of the states'.</param>
    /// <param name="inputs">The sinks, of a spec that has them.</param>
    /// <exception cref="ArgumentException">
    /// A number is out of range, a buffer is too small, or the same as another, or the spec has no such input.
    /// </exception>
    /// <exception cref="InvalidOperationException">The sinks were not given.</exception>
    /// <exception cref="DeviceLimitException">There are more rows (tokens × H_q) than work-groups can be numbered for.</exception>
    public ComputeEvent EnqueueMergeStates(
        AttentionStates<TElement> states, DeviceBuffer<TElement> outputs, DeviceBuffer<float> lse, AttentionInputs inputs = default)
    {
        ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states.Count);
        ArgumentOutOfRangeException.ThrowIfNegative(states.Tokens);
        long rows = (long)states.Tokens * shape.QueryHeads;
        Int128 all = (Int128)states.Count * rows;
        Expect(states.Outputs, all * shape.ValueDim, "states × tokens × query heads × value dimension");
        Expect(states.Lse, all, "states × tokens × query heads");
        Expect(outputs, rows * shape.ValueDim, "tokens × query heads × value dimension");
        Expect(lse, rows, "tokens × query heads");
        ExpectOther(outputs, states.Outputs);
        ExpectOther(lse, states.Lse);
        var given = new LaunchInputs(descriptor, inputs);
        given.Check(KernelAlgorithm.Merge, work: null);
        lock (launching)
        {
            if (states.Tokens == 0)
            {
                return Device.Queue.EnqueueMarker();
            }

            ComputeKernel kernel = Kernel(
                KernelAlgorithm.Merge,
                new LaunchArguments<TSpec>(given)
                {
                    Outputs = states.Outputs, Lse = states.Lse, Merged = outputs, MergedLse = lse, States = states.Count,
                });
            int workGroup = geometry.CombineWorkGroupSize;
            return Device.Queue.Enqueue(kernel, new NDRange((nuint)rows * (nuint)workGroup), Local(workGroup));
        }
    }

    /// <summary>Frees what the launcher holds on the device; caches and plans are their owners'.</summary>
    public void Dispose()
    {
        disposed = true;
        ownPlan.Dispose();
        stagedQueries?.Dispose();
        stagedKeys?.Dispose();
        stagedValues?.Dispose();
        stagedOutputs?.Dispose();
        foreach (ComputeKernel? kernel in kernels)
        {
            kernel?.Dispose();
        }
    }

    private static NDRange Local(int workGroupSize) => new((nuint)workGroupSize);

    private NDRange Groups(int groups, int workGroupSize) => new((nuint)groups * (nuint)workGroupSize, (nuint)shape.KvHeads);

    private static void Expect<T>(
        DeviceBuffer<T> buffer, Int128 expected, string meaning, [CallerArgumentExpression(nameof(buffer))] string? name = null)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer, name);
        if (buffer.Length < expected)
        {
            throw new ArgumentException($"Expected at least {expected} elements ({meaning}), got a buffer of {buffer.Length}.", name);
        }
    }

    private static void ExpectOther<T>(
        DeviceBuffer<T> buffer, DeviceBuffer<T> read,
        [CallerArgumentExpression(nameof(buffer))] string? name = null,
        [CallerArgumentExpression(nameof(read))] string? readName = null)
        where T : unmanaged
    {
        if (ReferenceEquals(buffer, read))
        {
            throw new ArgumentException($"Expected another buffer than {readName}, which is read while this one is written.", name);
        }
    }

    private KernelArguments Signature(KernelAlgorithm algorithm, TileGeometry? tile) =>
        KernelArguments.Of(algorithm, shape, mergesSplits: tile?.MergesSplits == true, hasMaskMod: descriptor.BlockMaskHeads > 0);

    private void ThrowIfDisposed()
    {
        if (disposed)
        {
            throw new ObjectDisposedException(descriptor.Name);
        }
    }

    private void Check(AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, int layer)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(cache);
        plan.ThrowIfNotFor(Device, descriptor, Target);
        if (plan.Cache != cache)
        {
            throw new ArgumentException("The plan was built for another cache; call Build with this one.", nameof(plan));
        }

        cache.ThrowIfDisposed();
        if ((uint)layer >= (uint)cache.Layers)
        {
            throw new ArgumentOutOfRangeException(nameof(layer), layer, $"Expected a layer from 0 to {cache.Layers - 1}.");
        }
    }

    /// <summary>The block mask that a launch was given, as one of the spec.</summary>
    private BlockMask<TSpec>? Own(BlockMask? mask) => mask switch
    {
        null => null,
        BlockMask<TSpec> own => own,
        _ => throw new ArgumentException($"The block mask is of another spec than {descriptor.Name}.", nameof(AttentionInputs.BlockMask)),
    };

    /// <summary>Whether the inputs of mods, where a launch was given some, are the spec's: their arguments are bound by place.</summary>
    private void CheckOwn(IModInputs? mods)
    {
        if (mods is not (null or IModInputs<TSpec>) && descriptor.HasModInputs)
        {
            throw new ArgumentException($"The inputs of mods are of another spec than {descriptor.Name}.", nameof(AttentionInputs.Mods));
        }
    }

    private void CheckClassifiable(AttentionPlan<TSpec> plan, LaunchInputs inputs)
    {
        CheckOwn(inputs.Mods);
        ThrowIfDisposed();
        plan.ThrowIfNotFor(Device, descriptor, Target);
        inputs.Check(KernelAlgorithm.ClassifyTiles, plan.Work);
    }

    private void Classify(AttentionPlan<TSpec> plan, LaunchInputs inputs, TileClasses classes, TileGeometry tile, int workAt)
    {
        lock (launching)
        {
            ComputeKernel kernel = Kernel(
                KernelAlgorithm.ClassifyTiles,
                new LaunchArguments<TSpec>(inputs, plan) { WorkAt = workAt, Classes = classes, TileKeys = tile.Keys });

            int together = DeviceTarget.Of(Target).ClassifyGroup;
            int tiles = (classes.Stride + together - 1) / together * together;
            Device.Queue.Submit(kernel, new NDRange(tiles, descriptor.BlockMaskHeads, classes.Items), new NDRange(together));
        }
    }

    private void CheckLimits(TileGeometry tile)
    {
        DeviceCapabilities device = Device.Capabilities;

        if (!DeviceTarget.Of(Target).HasLocalArrays && tile.LocalBytes > device.LocalMemoryBytes)
        {
            throw new DeviceLimitException(
                $"{descriptor.Name} takes {tile.LocalBytes} bytes of local memory a work-group; "
                + $"{device.Name} has {device.LocalMemoryBytes}.");
        }

        if (tile.WorkGroupSize > device.MaxWorkGroupSize)
        {
            throw new DeviceLimitException(
                $"{descriptor.Name} takes work-groups of {tile.WorkGroupSize}; {device.Name} allows {device.MaxWorkGroupSize}.");
        }
    }

    /// <summary>A kernel with its arguments set.</summary>
    /// <param name="algorithm">Which.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="variant">Of prefill, the tile.</param>
    private ComputeKernel Kernel(KernelAlgorithm algorithm, in LaunchArguments<TSpec> arguments, int variant = 0) =>
        arguments.Bind(Kernel(algorithm, variant), signatures[Index(algorithm, variant)]);

    private ComputeKernel Kernel(KernelAlgorithm algorithm, int variant) =>
        kernels[Index(algorithm, variant)] ??= Program(algorithm, variant).CreateKernel(KernelEntryPoint.Of(algorithm));

    private static int Index(KernelAlgorithm algorithm, int variant) => variant == 0 ? (int)algorithm : Algorithms + variant - 1;

    /// <summary>Builds the prefill kernel of new plans now.</summary>
    internal void PreparePrefill()
    {
        lock (launching)
        {
            Kernel(KernelAlgorithm.Prefill, Tuning.Variant);
        }
    }

    private ComputeProgram Program(KernelAlgorithm algorithm, int variant)
    {
        ReadOnlySpan<byte> source = descriptor.Source(Target, algorithm);
        string name = $"{descriptor.Name} {algorithm}";
        return variant > 0
            ? Device.Programs.GetOrBuildOwn(source, TileChoice.BuildOption(variant), name)
            : Sm90Assembly.GetOrBuild(Device.Programs, source, name);
    }
}
