using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Tests;

/// <summary>This assembly as a process of its own, for what a process can do or be only once.</summary>
internal static partial class Child
{
    public static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["open"]:
                return Open();
            case ["affinity"]:
                _ = ComputeDevice.Enumerate();
                Console.WriteLine(Marshal.PtrToStringUTF8(GetEnvironmentVariable("POCL_AFFINITY")) ?? "(unset)");
                return 0;
            case ["build", string folder]:
                using (ComputeDevice device = ComputeDevice.Open(
                    options: new() { ProgramCache = new() { UseDisk = true, Directory = folder } }))
                using (ComputeProgram program = device.Programs.GetOrBuild(Sources.Basics))
                {
                    Console.WriteLine(
                        string.Create(CultureInfo.InvariantCulture, $"{program.FromDiskCache} {device.Programs.Compilations}"));
                }

                return 0;
            case ["signals", .. string[] rest]:
                return SignalChild.Run(rest);
            default:
                Console.Error.WriteLine("open | affinity | build FOLDER | signals STAGE");
                return 2;
        }
    }

    /// <summary>Runs the process to its end.</summary>
    /// <param name="arguments">As <see cref="Main"/> reads them.</param>
    /// <param name="environment">Variables to set, or to remove where the value is null.</param>
    /// <returns>What it wrote to its standard output.</returns>
    public static string Run(string[] arguments, params (string Name, string? Value)[] environment)
    {
        using Process process = Start(arguments, environment);
        ChildResult result = ChildResult.Of(process);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    /// <summary>Starts the process, its standard output and errors to be read.</summary>
    /// <param name="arguments">As <see cref="Main"/> reads them.</param>
    /// <param name="environment">Variables to set, or to remove where the value is null.</param>
    public static Process Start(string[] arguments, params (string Name, string? Value)[] environment)
    {
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["exec", typeof(Child).Assembly.Location, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static int Open()
    {
        Console.WriteLine($"{ComputeDevice.Enumerate().Count} devices");
        try
        {
            using ComputeDevice device = ComputeDevice.Open();
            Console.WriteLine(device);
        }
        catch (ComputeException e)
        {
            Console.WriteLine($"{e.GetType().Name} {e.CodeName}: {e.Message}");
        }

        return 0;
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetEnvironmentVariable(string name);
}
