using System.Reflection;
using System.Runtime.Loader;

namespace Kernels.Generators.Tests.Harness;

/// <summary>A compiled program in this process. Kernels and Kernels.OpenCL are the tests' own, so that their types are the same.</summary>
internal sealed class LoadedProgram : IDisposable
{
    private readonly AssemblyLoadContext context = new("UserProgram", isCollectible: true);

    public LoadedProgram(Stream image) => Assembly = context.LoadFromStream(image);

    public Assembly Assembly { get; }

    /// <summary>A type of the program, by its full name.</summary>
    public Type Type(string name) => Assembly.GetType(name, throwOnError: true)!;

    /// <summary>Calls a public static method.</summary>
    public T Call<T>(string type, string method, params object?[] arguments) =>
        (T)Type(type).GetMethod(method, BindingFlags.Public | BindingFlags.Static)!.Invoke(null, arguments)!;

    public void Dispose() => context.Unload();
}
