using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>The checks of linear layers by tensor cores.</summary>
internal static class TensorChecks
{
    /// <summary>Every check, and how it is run on a device; that says what is wrong, or null if nothing is.</summary>
    public static IEnumerable<(object Check, Func<string?> Run)> All(ComputeDevice device) =>
    [
        .. TensorCoreCheck.All.Select(check => ((object)check, (Func<string?>)(() => check.Run(device)))),
        .. TensorGroupCheck.All.Select(check => ((object)check, (Func<string?>)(() => check.Run(device)))),
        .. TensorExpertCheck.All.Select(check => ((object)check, (Func<string?>)(() => check.Run(device)))),
    ];
}
