using System.Globalization;

namespace Kernels.OpenCL;

/// <summary>Finds NaN and infinities in what attention takes and gives, on the device; waits for each answer. Thread-safe.</summary>
internal sealed class NumberCheck(ComputeDevice device)
{
    /// <summary>The environment variable that asks for it: "numbers", or "off".</summary>
    public const string EnvironmentVariable = "KERNELS_CHECK";

    // Indices in a launch are 32 bits.
    private const int MostElements = 1 << 30;

    private const int WorkGroupSize = 64;
    private const int MostWorkGroups = 1024;

    private readonly Lock checking = new();
    private readonly Dictionary<ElementType, ComputeKernel> kernels = [];
    private DeviceBuffer<uint>? found;

    // In integers, so that no option of a compiler makes a number of what is none.
    private static ReadOnlySpan<byte> Source => """
        // ELEMENT is the unsigned integer of the element's size, EXPONENT the bits of its exponent: all set in NaN and infinities.
        kernel void find_not_finite(global const ELEMENT* data, ulong begin, uint count, global uint* found) // [count, index of the first]
        {
            uint not_finite = 0, first = UINT_MAX;
            for (uint i = (uint)get_global_id(0); i < count; i += (uint)get_global_size(0))
            {
                if ((data[begin + i] & EXPONENT) == EXPONENT)
                {
                    not_finite++;
                    first = min(first, i);
                }
            }

            if (not_finite > 0)
            {
                atomic_add(found, not_finite);
                atomic_min(found + 1, first);
            }
        }
        """u8;

    public static bool IsOnInEnvironment() => Parse(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <exception cref="ArgumentException">The value is neither.</exception>
    public static bool Parse(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" or "off" => false,
        "numbers" => true,
        _ => throw new ArgumentException($"Expected \"numbers\" or \"off\" in {EnvironmentVariable}, got \"{value}\"."),
    };

    /// <summary>Looks at the first elements of a tensor, once what was enqueued before has ended.</summary>
    /// <exception cref="NotFiniteException">One of them is not finite.</exception>
    public void Check<TElement>(
        AttentionDescriptor attention, AttentionTensor tensor, int layer, DeviceBuffer<TElement> data, long elements)
        where TElement : unmanaged
    {
        lock (checking)
        {
            long count = 0, first = 0;
            for (long begin = 0; begin < elements; begin += MostElements)
            {
                (uint inPart, uint firstInPart) = Find(attention.Shape.Storage, data, begin, (int)Math.Min(MostElements, elements - begin));
                first = count == 0 ? begin + firstInPart : first;
                count += inPart;
            }

            if (count > 0)
            {
                var value = new TElement[1];
                device.Queue.Read(data, value, first);
                throw new NotFiniteException(attention.Name, attention.Shape, tensor, layer, elements, count, first, Widen(value[0]));
            }
        }
    }

    private (uint Count, uint First) Find(ElementType type, DeviceBuffer data, long begin, int count)
    {
        if (!kernels.TryGetValue(type, out ComputeKernel? kernel))
        {
            using ComputeProgram program = device.Programs.GetOrBuildOwn(Source, Options(type), "check of numbers");
            kernel = program.CreateKernel("find_not_finite");
            kernels.Add(type, kernel);
        }

        found ??= device.Allocate<uint>(2);
        Span<uint> answer = [0, uint.MaxValue];
        device.Queue.Write<uint>(found, answer);
        int lanes = Math.Min(WorkGroupSize, kernel.WorkGroupLimit);
        int groups = Math.Min(MostWorkGroups, (count + lanes - 1) / lanes);
        device.Queue.Submit(
            kernel.Set(0, data).Set(1, (ulong)begin).Set(2, (uint)count).Set(3, found),
            new NDRange((nuint)(groups * lanes)), new NDRange((nuint)lanes));
        device.Queue.Read(found, answer);
        return (answer[0], answer[1]);
    }

    private static string Options(ElementType type)
    {
        (string element, uint exponent) = type switch
        {
            ElementType.Float32 => ("uint", 0x7F800000u),
            ElementType.Float16 => ("ushort", 0x7C00u),
            ElementType.BFloat16 => ("ushort", 0x7F80u),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No type of queries, keys, values and outputs."),
        };
        return string.Create(CultureInfo.InvariantCulture, $"-D ELEMENT={element} -D EXPONENT={exponent}u");
    }

    private static float Widen<TElement>(TElement element) => element switch
    {
        float number => number,
        Half number => (float)number,
        BFloat16 number => number,
        _ => throw new ArgumentException($"{typeof(TElement).Name} is not the host type of a storage."),
    };
}
