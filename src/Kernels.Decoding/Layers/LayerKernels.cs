using System.Text;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// The layers of a decoder other than attention, as kernels on one device. Activations are float32, or what attention keeps them in where
/// it does, packed by token; every method enqueues its work on the device's default queue and returns at once.
/// </summary>
/// <remarks>Not thread-safe: a kernel's arguments are set in several calls.</remarks>
internal sealed partial class LayerKernels : IDisposable
{
    private readonly ComputeDevice device;
    private readonly List<ComputeKernel> owned = [];
    private readonly Task<ComputeProgram> program;
    private readonly bool cpu;

    // Elements side by side of a work-item without weights.
    private readonly int elementLanes;

    /// <summary>Measures every launch by itself while it is set, which takes longer than running them one after the other.</summary>
    internal LaunchTimes? Times { get; set; }

    /// <summary>
    /// Begins to build the kernels that need no weights of a certain type, on another thread; a call of one waits for it. The
    /// others are built when first used, or from <see cref="Prepare(WeightFormat, bool)"/> on.
    /// </summary>
    /// <param name="device">The device; it must outlive the object.</param>
    /// <param name="form">How linear layers are computed; by default what suits the kind of device.</param>
    public LayerKernels(ComputeDevice device, LinearForm? form = null)
        : this(device, form, PrecisionFromEnvironment())
    {
    }

    /// <summary>As the other, with how exactly linear layers take their inputs on a CPU.</summary>
    internal LayerKernels(ComputeDevice device, LinearForm? form, LinearPrecision precision)
    {
        ArgumentNullException.ThrowIfNull(device);
        this.device = device;
        this.precision = precision;
        dots = new(() => DotInstructions.Of(device));
        cpu = device.Capabilities.Kind == DeviceKind.Cpu;
        Form = form ?? (cpu ? LinearForm.Vectors : LinearForm.WorkGroups);
        bool vectors = Form == LinearForm.Vectors;
        Layout = vectors ? WeightLayout.Vectors : WeightLayout.RowMajor;
        elementLanes = vectors ? WeightLayout.Vectors.PanelRows : 1;
        string source = string.Concat(
            Text("norms.cl"), Text("values.cl"), Text(vectors ? "heads_vectors.cl" : "heads.cl"), Text("lanes.cl"), Text("activation.cl"),
            Text("activations.cl"), Text("step.cl"));
        program = Build("layers", $"#define LANES {elementLanes}\n{source}");

        // A tile of several tokens pays from this many on: below, it would be mostly empty.
        manyTokens = vectors ? 2 : 5;
    }

    /// <summary>Frees the kernels, when builds under way have ended.</summary>
    public void Dispose()
    {
        foreach (TensorCoreGroups groups in tensorCoreGroups.Values)
        {
            groups.Dispose();
        }

        foreach (TensorCoreLinear linear in tensorCores.Values)
        {
            linear.Dispose();
        }

        foreach (ComputeKernel kernel in owned)
        {
            kernel.Dispose();
        }

        dotInputs?.Dispose();
        dotSteps?.Dispose();
        maxima?.Dispose();
        places?.Dispose();
        greatest?.Dispose();
        slotOrder?.Dispose();
        slotTiles?.Dispose();

        try
        {
            Task.WaitAll([program, .. weightPrograms.Values, routing ?? program, sampling ?? program, sorting ?? program]);
        }
        catch (AggregateException)
        {
            // Told to whoever called one of its kernels.
        }
    }

    internal static string Text(string resource)
    {
        using Stream stream = typeof(LayerKernels).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no resource {resource}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static int Parts(int whole, int part) => (int)(((long)whole + part - 1) / part);

    private static long Require(long length, long needed, string parameter) =>
        length >= needed ? needed : throw new ArgumentException($"Expected at least {needed} elements, got {length}.", parameter);

    private Task<ComputeProgram> Build(string name, string source) =>
        device.Programs.BuildAsync(Encoding.UTF8.GetBytes(source), name: name);

    private ComputeKernel Kernel(ref ComputeKernel? kernel, string name) => kernel ??= Create(program, name);

    private ComputeKernel Create(Task<ComputeProgram> built, string name)
    {
        ComputeKernel kernel = built.GetAwaiter().GetResult().CreateKernel(name);
        owned.Add(kernel);
        return kernel;
    }

    private void Submit(ComputeKernel kernel, NDRange global, NDRange local)
    {
        Times?.Begin();
        device.Queue.Submit(kernel, global, local);
        Times?.End(kernel.Name);
    }

    private void SubmitElements(ComputeKernel kernel, long elements)
    {
        if (elements > 0)
        {
            nuint lanes = (nuint)Math.Min(64, kernel.WorkGroupLimit);
            Submit(kernel, new NDRange(((nuint)elements + lanes - 1) / lanes * lanes), new NDRange(lanes));
        }
    }
}
