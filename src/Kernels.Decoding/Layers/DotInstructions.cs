using System.Runtime.Intrinsics.X86;
using System.Text;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Which dot products of narrow numbers the processor behind a device has in vectors of 512 bits. They are only told of a device that is
/// known to be this very processor: PoCL's threads run in this process.
/// </summary>
/// <param name="HasPairs">AVX512-BF16: pairs of bfloat16.</param>
/// <param name="HasBytes">AVX512-VNNI: four bytes.</param>
internal readonly record struct DotInstructions(bool HasPairs, bool HasBytes)
{
    // The compiler defines the macro where processor and operating system have the registers; the instructions themselves it need not know.
    private const string Probe = """
        kernel void any(global int *unused) {}
        #ifdef __AVX512BW__
        kernel void wide(global int *unused) {}
        #endif
        """;

    /// <summary>Those of a device; the question may build a small program.</summary>
    public static DotInstructions Of(ComputeDevice device)
    {
        if (!IsThisProcessor(device.Capabilities) || !X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
        {
            return default;
        }

        (int lastSubleaf, _, int features, _) = X86Base.CpuId(7, 0);
        bool bytes = (features & (1 << 11)) != 0;
        bool pairs = lastSubleaf >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;
        return (pairs || bytes) && HasWideVectors(device) ? new DotInstructions(pairs, bytes) : default;
    }

    /// <summary>
    /// Whether a device's threads are this process's, by its names: PoCL calls them <c>pthread</c>, since version 4 <c>cpu</c>; its remote
    /// devices are none.
    /// </summary>
    internal static bool IsThisProcessor(DeviceCapabilities device) =>
        device.Kind == DeviceKind.Cpu && device.PlatformName == "Portable Computing Language"
        && (device.Name.StartsWith("pthread-", StringComparison.Ordinal) || device.Name.StartsWith("cpu-", StringComparison.Ordinal));

    private static bool HasWideVectors(ComputeDevice device)
    {
        try
        {
            Task<ComputeProgram> built = device.Programs.BuildAsync(Encoding.UTF8.GetBytes(Probe), name: "probe of vectors");
            using ComputeProgram program = built.GetAwaiter().GetResult();
            program.CreateKernel("wide").Dispose();
            return true;
        }
        catch (ComputeException failure) when (failure is not DeviceLostException)
        {
            return false;
        }
    }
}
