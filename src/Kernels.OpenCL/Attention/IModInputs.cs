namespace Kernels.OpenCL;

/// <summary>The run-time inputs of a spec's mods; a generated type's <c>Inputs</c> has exactly the spec's.</summary>
public interface IModInputs
{
    /// <summary>Sets the inputs as a kernel's arguments.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="first">Index of the first input's argument.</param>
    /// <returns>Index of the argument after the last input.</returns>
    int Bind(ComputeKernel kernel, int first);
}

/// <summary>The run-time inputs of the mods of one spec: another spec's launches cannot be given them.</summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public interface IModInputs<TSpec> : IModInputs;
