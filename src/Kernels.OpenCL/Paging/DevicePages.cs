namespace Kernels.OpenCL;

/// <summary>
/// The contents of a pool's pages: a buffer of keys and one of values for each layer, and of their scales where the element type has one a
/// token, page after page. How a page is laid out inside is
/// nothing to it. Saved pages lie in host memory, which grows to the most that were ever saved and stays. Nothing here waits for the
/// device.
/// </summary>
internal sealed class DevicePages : IPageStore, IDisposable
{
    private readonly ComputeQueue queue;
    private readonly int pageBytes;
    private readonly int planesPerLayer;
    private readonly Plane[] planes;

    // One page of all planes: a transfer between host and device moves it as a whole.
    private readonly DeviceBuffer<byte> staging;
    private readonly List<PinnedArray<byte>?> host = [];

    /// <exception cref="ArgumentException">A page of all layers has 2^31 bytes or more.</exception>
    /// <exception cref="DeviceLimitException">A buffer would be larger than the device allows.</exception>
    /// <exception cref="DeviceOutOfMemoryException">The device has not that much memory left.</exception>
    public DevicePages(ComputeDevice device, AttentionShape shape, int pages, int layers)
    {
        long rows = (long)shape.PageSize * shape.KvHeads;
        long keyBytes = rows * shape.KeyBytes;
        long valueBytes = rows * shape.ValueBytes;
        long[] layerPlanes = shape.LatentCache ? [keyBytes]
            : shape.CacheScale == CacheScale.PerToken ? [keyBytes, valueBytes, rows * sizeof(float), rows * sizeof(float)]
            : [keyBytes, valueBytes];
        CheckLimit(device, "keys", pages, keyBytes);
        CheckLimit(device, "values", pages, valueBytes);
        long bytes = layers * layerPlanes.Sum();
        if (bytes > Array.MaxLength)
        {
            throw new ArgumentException(
                $"A page of all {layers} layers has {bytes} bytes; at most {Array.MaxLength} can be swapped as one.");
        }

        queue = device.Queue;
        pageBytes = (int)bytes;
        planesPerLayer = layerPlanes.Length;
        planes = new Plane[planesPerLayer * layers];
        int allocated = 0;
        try
        {
            long staged = 0;
            for (; allocated < planes.Length; allocated++)
            {
                long planeBytes = layerPlanes[allocated % planesPerLayer];
                planes[allocated] = new Plane(device.Allocate<byte>(pages * planeBytes), planeBytes, staged);
                staged += planeBytes;
            }

            staging = device.Allocate<byte>(pageBytes);
        }
        catch
        {
            foreach (Plane plane in planes.AsSpan(0, allocated))
            {
                plane.Buffer.Dispose();
            }

            throw;
        }

        ByteLength = (long)pages * pageBytes;
    }

    public int Layers => planes.Length / planesPerLayer;

    /// <summary>Bytes of device memory that the pages take.</summary>
    public long ByteLength { get; }

    /// <summary>Bytes of host memory that saved pages take or took.</summary>
    public long HostByteLength { get; private set; }

    public DeviceBuffer<byte> Keys(int layer) => planes[planesPerLayer * layer].Buffer;

    public DeviceBuffer<byte> Values(int layer) => planes[(planesPerLayer * layer) + Math.Min(1, planesPerLayer - 1)].Buffer;

    public DeviceBuffer<byte> KeyScales(int layer) => Scales(layer, 2);

    public DeviceBuffer<byte> ValueScales(int layer) => Scales(layer, 3);

    public void Copy(int source, int target)
    {
        foreach (Plane plane in planes)
        {
            queue.SubmitCopy(plane.Buffer, source * plane.PageBytes, plane.Buffer, target * plane.PageBytes, plane.PageBytes);
        }
    }

    public void Save(int page, int slot)
    {
        PinnedArray<byte> memory = HostMemory(slot);
        foreach (Plane plane in planes)
        {
            queue.SubmitCopy(plane.Buffer, page * plane.PageBytes, staging, plane.StagedAt, plane.PageBytes);
        }

        queue.EnqueueRead(staging, memory, pageBytes).Dispose();
    }

    public void Load(int slot, int page)
    {
        queue.SubmitWrite(staging, HostMemory(slot), pageBytes);
        foreach (Plane plane in planes)
        {
            queue.SubmitCopy(staging, plane.StagedAt, plane.Buffer, page * plane.PageBytes, plane.PageBytes);
        }
    }

    public void Dispose()
    {
        foreach (Plane plane in planes)
        {
            plane.Buffer.Dispose();
        }

        staging.Dispose();
    }

    private static void CheckLimit(ComputeDevice device, string what, int pages, long bytesEach)
    {
        long limit = device.Capabilities.MaxAllocationBytes;
        if (bytesEach > limit / pages)
        {
            throw new DeviceLimitException(
                $"The {what} of one layer take {pages} pages of {bytesEach} bytes in one buffer; "
                + $"{device.Info} allows {limit} bytes, {limit / bytesEach} pages.");
        }
    }

    private DeviceBuffer<byte> Scales(int layer, int plane) => plane < planesPerLayer
        ? planes[(planesPerLayer * layer) + plane].Buffer
        : throw new InvalidOperationException("The cache's element type has no scales by token.");

    private PinnedArray<byte> HostMemory(int slot)
    {
        while (slot >= host.Count)
        {
            host.Add(null);
        }

        if (host[slot] is null)
        {
            host[slot] = new PinnedArray<byte>(pageBytes);
            HostByteLength += pageBytes;
        }

        return host[slot]!;
    }

    private readonly record struct Plane(DeviceBuffer<byte> Buffer, long PageBytes, long StagedAt);
}
