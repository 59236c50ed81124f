using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// Which keys of each request are there to be seen, for a spec with <see cref="AttentionKernelAttribute.KeyPadding"/>: a byte
/// for each key, row-major [requests, keys]; 0 hides the key from all queries of the request. A mask of one request serves all.
/// </summary>
public sealed class KeyMask
{
    /// <summary>Describes a mask on the device; the buffer stays the caller's.</summary>
    /// <param name="values">The bytes, [requests, keys]; key k of a request is the one at position k of its sequence.</param>
    /// <param name="requests">Requests that it has a row for, in the order of the step's requests; or 1, whose row serves all.</param>
    /// <param name="keys">Keys of a row: as many as the longest sequence of a step has, or more.</param>
    /// <exception cref="ArgumentException">The buffer is smaller than that.</exception>
    public KeyMask(DeviceBuffer<byte> values, int requests, int keys)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(requests);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keys);
        if (values.Length < (long)requests * keys)
        {
            throw new ArgumentException(
                $"Expected at least {(long)requests * keys} bytes (requests × keys), got a buffer of {values.Length}.", nameof(values));
        }

        Values = values;
        Requests = requests;
        Keys = keys;
    }

    /// <summary>The bytes.</summary>
    public DeviceBuffer<byte> Values { get; }

    /// <summary>Requests that it has a row for.</summary>
    public int Requests { get; }

    /// <summary>Keys of a row.</summary>
    public int Keys { get; }

    internal long RequestStride => Requests == 1 ? 0 : Keys;

    /// <summary>A mask as the input of a launch.</summary>
    internal sealed class Input() : LaunchInput<KeyMask>(new KeyPaddingOption(), "a mask")
    {
        public override AttentionInputs AddZeros(in AttentionInputs inputs, AttentionShape shape, int keys, ZeroBuffers zeros) =>
            inputs with { KeyPadding = new KeyMask(zeros.Create<byte>(keys), requests: 1, keys) };

        protected override KeyMask? Of(in AttentionInputs inputs) => inputs.KeyPadding;

        protected override void Check(KeyMask input, AttentionShape shape, WorkPlan work)
        {
            ExpectAxis(Option.Name, "requests", input.Requests, work.Requests, orOne: true);
            ExpectAxis(Option.Name, "keys", input.Keys, work.LongestKeys);
        }

        protected override ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, KeyMask input) =>
            argument == KeyPaddingOption.Mask ? kernel.Set(index, input.Values) : kernel.Set(index, input.RequestStride);
    }
}
