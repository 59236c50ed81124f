namespace Kernels.OpenCL;

/// <summary>What to tell a user whose machine has no OpenCL device.</summary>
internal static class NoDeviceMessage
{
    public static string ForThisMachine(bool hasLoader) => For(
        OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : OperatingSystem.IsLinux() ? "linux" : "other",
        hasLoader);

    public static string For(string system, bool hasLoader)
    {
        string found = hasLoader
            ? "No OpenCL device was found: the OpenCL loader is installed, but no driver offers a device."
            : "No OpenCL device was found: there is no OpenCL loader on this machine.";
        string advice = system switch
        {
            "linux" => """
                For the CPU install PoCL: "apt-get install pocl-opencl-icd" on Debian and Ubuntu, "dnf install pocl" on Fedora, "pacman -S pocl" on Arch.
                A GPU's device comes with its driver: NVIDIA's own driver package, "intel-opencl-icd" for Intel, "rocm-opencl-runtime" for AMD.
                In a container the driver must be visible inside: a file in /etc/OpenCL/vendors must name its library.
                """,
            "windows" => """
                A GPU's device comes with its vendor's display driver (NVIDIA, AMD, Intel); install or update it.
                For the CPU install "Intel CPU Runtime for OpenCL Applications".
                """,
            "macos" => "OpenCL is built into macOS; it is missing only where a sandbox hides /System/Library/Frameworks/OpenCL.framework.",
            _ => "Install an OpenCL loader and a driver for this system, such as PoCL for the CPU.",
        };
        return $"{found}\n{advice}";
    }
}
