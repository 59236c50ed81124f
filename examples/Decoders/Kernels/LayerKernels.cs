using System.Text;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>
/// The layers of a decoder other than attention, as kernels on one device. Activations are float32, packed by token; every
/// method enqueues its work on the device's default queue and returns at once.
/// </summary>
/// <remarks>Not thread-safe: a kernel's arguments are set in several calls.</remarks>
public sealed partial class LayerKernels : IDisposable
{
    private readonly ComputeDevice device;
    private readonly List<ComputeKernel> owned = [];
    private readonly int elementLanes;

    /// <summary>Builds the kernels that need no weights of a certain type; the others are built when first used.</summary>
    /// <param name="device">The device; it must outlive the object.</param>
    /// <param name="form">How linear layers are computed; by default what suits the kind of device.</param>
    /// <exception cref="ComputeException">A kernel cannot be built.</exception>
    public LayerKernels(ComputeDevice device, LinearForm? form = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        this.device = device;
        bool cpu = device.Capabilities.Kind == DeviceKind.Cpu;
        Form = form ?? (cpu ? LinearForm.Vectors : LinearForm.WorkGroups);
        string source = string.Concat(Text("norms.cl"), Text("heads.cl"), Text("activations.cl"), Text("experts.cl"));
        ComputeProgram program = device.Programs.GetOrBuild(Encoding.UTF8.GetBytes(source), name: "layers");
        rmsNorm = Create(program, "rms_norm");
        layerNorm = Create(program, "layer_norm");
        rope = Create(program, "rope");
        activate = Create(program, "activate");
        gateHalves = Create(program, "gate_halves");
        gatePairsClamped = Create(program, "gate_pairs_clamped");
        softcap = Create(program, "softcap");
        chooseExperts = Create(program, "choose_experts");
        combineExperts = Create(program, "combine_experts");

        // On a CPU one work-item is a loop over vectors, and more of them would only share a core.
        normLanes = cpu ? 1 : Math.Min(128, Math.Min(rmsNorm.WorkGroupLimit, layerNorm.WorkGroupLimit));
        elementLanes = owned.Min(kernel => Math.Min(64, kernel.WorkGroupLimit));

        // From this many tokens on a tile of several pays: below, a tile would be mostly empty.
        manyTokens = Form == LinearForm.Vectors ? 2 : 5;
    }

    /// <summary>Frees the kernels.</summary>
    public void Dispose()
    {
        foreach (ComputeKernel kernel in owned)
        {
            kernel.Dispose();
        }
    }

    private static string Text(string resource)
    {
        using Stream stream = typeof(LayerKernels).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no resource {resource}.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static int Parts(int whole, int part) => (int)(((long)whole + part - 1) / part);

    private static long Require(long length, long needed, string parameter) =>
        length >= needed ? needed : throw new ArgumentException($"Expected at least {needed} elements, got {length}.", parameter);

    private ComputeKernel Create(ComputeProgram program, string name)
    {
        ComputeKernel kernel = program.CreateKernel(name);
        owned.Add(kernel);
        return kernel;
    }

    private void SubmitElements(ComputeKernel kernel, long elements)
    {
        if (elements > 0)
        {
            nuint lanes = (nuint)elementLanes;
            device.Queue.Submit(kernel, new NDRange(((nuint)elements + lanes - 1) / lanes * lanes), new NDRange(lanes));
        }
    }
}
