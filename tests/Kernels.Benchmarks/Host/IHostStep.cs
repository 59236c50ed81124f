using Kernels.Benchmarks.Compare;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Host;

/// <summary>A decode step as the host sees it.</summary>
internal interface IHostStep : IDisposable
{
    /// <summary>The target whose kernels are enqueued.</summary>
    KernelTarget Target { get; }

    /// <summary>Plans the step and enqueues the plan's upload.</summary>
    void Plan();

    /// <summary>Enqueues a layer's append.</summary>
    void SubmitAppend();

    /// <summary>Enqueues a layer's attention.</summary>
    void SubmitAttend();

    /// <summary>Waits for the device.</summary>
    void Finish();
}
