namespace Kernels.Benchmarks.Compare;

/// <summary>Work that is ready to run on a device.</summary>
internal interface IWorkload : IDisposable
{
    /// <summary>The kernels that run, such as "Cpu".</summary>
    string Target { get; }

    /// <summary>
    /// Enqueues the work once. Repeated calls take turns over copies of the cache, so that none finds its keys in a processor's cache.
    /// </summary>
    void Enqueue();

    /// <summary>
    /// Does the work once more and looks at its outputs: what is wrong with them, or null. See <see cref="OutputCheck"/>.
    /// </summary>
    string? FindFault();
}
