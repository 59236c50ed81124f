namespace Kernels;

/// <summary>A run-time input of a spec's kernels: an argument that the launcher gives beside queries and cache.</summary>
/// <param name="Type">Its type in OpenCL C.</param>
/// <param name="Name">Its name among the kernel's parameters.</param>
/// <param name="Meaning">Its shape and what it holds, for a comment.</param>
/// <param name="ToWork">A statement that moves a pointer to what belongs to the work tile's request, or empty.</param>
internal sealed partial record KernelInput(string Type, string Name, string Meaning, string ToWork = "");
