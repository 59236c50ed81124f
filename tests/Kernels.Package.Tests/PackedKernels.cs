using System.Runtime.CompilerServices;

namespace Kernels.Package.Tests;

/// <summary>The packages in a folder, packed once for all tests, and a place for projects that reference them.</summary>
public sealed class PackedKernels : IAsyncLifetime
{
    /// <summary>A version that no other feed has.</summary>
    public const string Version = "0.2.0-package-test";

    /// <summary>Where the packages say that their sources are.</summary>
    public const string RepositoryUrl = "https://example.com/kernels";

    private string root = "";

    /// <summary>The folder with the packages.</summary>
    public string Feed => Path.Combine(root, "feed");

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        root = Directory.CreateTempSubdirectory("kernels-packages-").FullName;
        Directory.CreateDirectory(Feed);
        foreach (string project in new[] { "Kernels", "Kernels.OpenCL", "Kernels.Compilation", "Kernels.Decoding" })
        {
            await DotNet.SucceedAsync(
                Repository(), "pack", Path.Combine("src", project), "--output", Feed, "--artifacts-path", Path.Combine(root, "artifacts"),
                "--verbosity", "quiet", "-property:UseSharedCompilation=false", "-property:Version=" + Version,
                "-property:RepositoryUrl=" + RepositoryUrl, "-property:ContinuousIntegrationBuild=true");
        }

        // What lies above the temporary folder must not get into the projects.
        foreach (string name in new[] { "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props" })
        {
            File.WriteAllText(Path.Combine(root, name), "<Project />");
        }

        // The user's own sources stay; what the user has downloaded before is used, and nothing is added to it.
        string downloaded = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string fallback = Directory.Exists(downloaded)
            ? $"<fallbackPackageFolders><add key=\"downloaded\" value=\"{downloaded}\" /></fallbackPackageFolders>"
            : "";
        File.WriteAllText(Path.Combine(root, "NuGet.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(root, "packages")}" /></config>
              <packageSources><add key="kernels" value="{Feed}" /></packageSources>
              {fallback}
            </configuration>
            """);
    }

    /// <inheritdoc/>
    public Task DisposeAsync()
    {
        Directory.Delete(root, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>Writes a console project that references one of the packages.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="package">The package.</param>
    /// <param name="program">Its one source file.</param>
    /// <param name="extension">The language's: cs, vb or fs.</param>
    /// <param name="properties">Properties of its own, in XML.</param>
    /// <returns>The project's folder.</returns>
    public string CreateProject(string name, string package, string program, string extension = "cs", string properties = "")
    {
        string folder = Path.Combine(root, name);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, $"{name}.{extension}proj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <WarningLevel>9999</WarningLevel>
                <GenerateDocumentationFile>true</GenerateDocumentationFile>
                <UseSharedCompilation>false</UseSharedCompilation>
                <NuGetAudit>false</NuGetAudit>
                {properties}
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="[{Version}]" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(folder, "Program." + extension), program);
        return folder;
    }

    /// <summary>The root of the repository.</summary>
    public static string Repository([CallerFilePath] string path = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../.."));
}
