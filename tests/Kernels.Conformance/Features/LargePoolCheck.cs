using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// A pool whose keys take more than 2^31 elements, with sequences in pages all over it, the last one included: indices go
/// beyond 32 bits. Only the pages of the sequences are ever touched.
/// </summary>
internal static class LargePoolCheck
{
    // A step of few rows and one of a prompt's rows, in 6 and 7 pages of 16.
    private static readonly (int Queries, int Keys)[] Lengths = [(2, 93), (41, 110)];

    /// <summary>The case of a paged shape.</summary>
    public static AttentionCase Case(AttentionShape shape) => new(shape, Lengths, Seed: 1) { HasExactInputs = true };

    /// <summary>The fewest pages that have more than 2^31 elements of keys, in multiples of 32768.</summary>
    public static int Pages(AttentionShape shape) =>
        (int)((1L << 31) / ((long)shape.PageSize * shape.KvHeads * shape.HeadDim * 32768) + 1) * 32768;

    /// <summary>Why a device has no room for it, or null.</summary>
    public static string? Unfit(ComputeDevice device, AttentionShape shape)
    {
        long tokens = (long)Pages(shape) * shape.PageSize, keyBytes = tokens * shape.KvHeads * shape.KeyBytes;
        (long buffer, long memory) = (device.Capabilities.MaxAllocationBytes, device.Capabilities.GlobalMemoryBytes);
        return keyBytes > buffer || tokens * shape.CacheBytesPerToken > memory * 9 / 10
            ? $"the keys take {keyBytes} bytes; the device allows {buffer} in a buffer and has {memory}"
            : null;
    }

    /// <summary>Runs the case.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Run<T>(ComputeDevice device, KernelTarget? target, AttentionShape shape) where T : unmanaged
    {
        using var kernels = new RuntimeKernels<T>(device, RuntimeSpec.Describe(shape), target);
        using var loaded = new LoadedCase<RuntimeSpec, T>(Case(shape), kernels, new ReferenceOptions(), pool: Pages(shape));
        loaded.Plan();
        Launched<T> first = loaded.Launch();
        return first.HasBitsOf(loaded.Launch())
            ? loaded.Compare(first, measuresQuantisation: false).Failure : "two launches gave different bits";
    }
}
